// SPDX-License-Identifier: Apache-2.0

//! Writes the log, in the line format of Mesos's.
//!
//! `I1122 10:05:51.562189  7814 server.rs:95] text key=value`, in UTC: level, date, time, thread, place.

pub mod verbosity;

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;

use crate::flags::Flags;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log file '{path}' cannot be written: {error}; check --log_dir")]
    File { path: PathBuf, error: io::Error },
}

/// Begins to log as the flags say. Gives the file that is written, if one is; `program` names it.
///
/// Of several daemons in one process the first decides.
pub fn start(flags: &Flags, program: &str) -> Result<Option<PathBuf>, LogError> {
    let (file, path) = match flags.text("log_dir") {
        None => (None, None),
        Some(folder) => {
            let path = Path::new(folder).join(format!("{program}.INFO"));
            (Some(open(&path)?), Some(path))
        }
    };
    let level = match flags.text("logging_level") {
        Some("WARNING") => LevelFilter::WARN,
        Some("ERROR") => LevelFilter::ERROR,
        _ => LevelFilter::INFO,
    };
    let stderr = (!flags.boolean("quiet")).then(|| BoxMakeWriter::new(io::stderr));
    let (filter, handle) = reload::Layer::new(level);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .event_format(Line)
        .with_writer(Sinks { stderr, file: file.map(Arc::new) });
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    // Fails only if there is a log already.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        verbosity::control(level, move |filter| {
            // Fails only where the log is gone.
            let _ = handle.reload(filter);
        });
    }
    Ok(path)
}

fn open(path: &Path) -> Result<File, LogError> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let open = folder.and_then(|()| OpenOptions::new().create(true).append(true).open(path));
    open.map_err(|error| LogError::File { path: path.to_owned(), error })
}

/// Where lines go.
struct Sinks {
    stderr: Option<BoxMakeWriter>,
    file: Option<Arc<File>>,
}

impl<'a> MakeWriter<'a> for Sinks {
    type Writer = Tee<'a>;

    fn make_writer(&'a self) -> Tee<'a> {
        let stderr = self.stderr.as_ref().map(|stderr| Box::new(stderr.make_writer()) as Box<dyn io::Write>);
        Tee { stderr, file: self.file.as_deref() }
    }
}

/// Writes whole lines to each sink. A sink that fails is passed over: there is nowhere to say so.
struct Tee<'a> {
    stderr: Option<Box<dyn io::Write + 'a>>,
    file: Option<&'a File>,
}

impl io::Write for Tee<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(stderr) = &mut self.stderr {
            let _ = stderr.write_all(line);
        }
        if let Some(file) = &mut self.file {
            let _ = file.write_all(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let meta = event.metadata();
        let level = match *meta.level() {
            Level::ERROR => 'E',
            Level::WARN => 'W',
            _ => 'I',
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (_, month, day, time) = civil(now.as_secs() as i64);
        let thread = rustix::thread::gettid().as_raw_nonzero();
        let file = meta.file().and_then(|path| path.rsplit('/').next()).unwrap_or("unknown");
        let micros = now.subsec_micros();
        write!(
            writer,
            "{level}{month:02}{day:02} {time}.{micros:06} {thread:>5} {file}:{}] ",
            meta.line().unwrap_or(0)
        )?;
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// `2026-11-22 10:05:51`, from seconds since 1970.
pub fn date_and_time(secs: i64) -> String {
    let (year, month, day, time) = civil(secs);
    format!("{year:04}-{month:02}-{day:02} {time}")
}

/// Year, month and day of the Gregorian calendar, and the time of day.
fn civil(secs: i64) -> (i64, i64, i64, String) {
    let (days, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
    // Years begin with March, so that the leap day is the last; eras have 400 years.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1, time)
}

#[cfg(test)]
mod tests {
    use super::date_and_time;

    #[test]
    fn moments_are_dated() {
        for (secs, text) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_606_232_317, "2020-11-24 15:38:37"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (-1, "1969-12-31 23:59:59"),
        ] {
            assert_eq!(date_and_time(secs), text);
        }
    }
}
