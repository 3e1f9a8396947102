// SPDX-License-Identifier: Apache-2.0

//! Shows people how far a job is.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::batch::Tally;

/// How often a line is written where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Bound: lines about single tasks; thousands of failures are better counted than told.
const SAY_MAX: usize = 100;

/// A bar if standard error is a terminal, a line now and then otherwise. Clones show the same job.
#[derive(Clone, Debug)]
pub struct Progress {
    /// None where there is no terminal.
    bar: Option<ProgressBar>,
    said: Arc<AtomicUsize>,
    name: Arc<str>,
}

/// When the last line was written, and what it said.
#[derive(Debug)]
pub struct LastLine {
    at: Instant,
    tally: Tally,
}

impl Progress {
    pub fn new(name: &str) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            let template = "{prefix} [{elapsed}] {wide_bar} {pos}/{len} {msg}";
            bar.set_style(ProgressStyle::with_template(template).expect("the template is well-formed"));
            bar.set_prefix(name.to_owned());
            bar
        });
        Progress { bar, said: Arc::default(), name: name.into() }
    }

    pub fn begin(&self) -> LastLine {
        LastLine { at: Instant::now(), tally: Tally::default() }
    }

    /// Shows how far the job is; `open` says that more tasks may come.
    pub fn show(&self, tally: Tally, open: bool, last: &mut LastLine) {
        let done = tally.succeeded + tally.failed;
        if let Some(bar) = &self.bar {
            bar.set_length(tally.total);
            bar.set_position(done);
            bar.set_message(details(&tally));
            return;
        }
        if last.at.elapsed() >= LINE_INTERVAL && tally != last.tally {
            *last = LastLine { at: Instant::now(), tally };
            let more = if open { "+" } else { "" };
            self.write(&format!("{done} of {}{more} done, {}", tally.total, details(&tally)));
        }
    }

    /// Tells something about the job.
    pub fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.write(text)),
            None => self.write(text),
        }
    }

    /// Tells something about a task, if not too much has been told already.
    pub fn say(&self, text: &str) {
        match self.said.fetch_add(1, Ordering::Relaxed) {
            SAY_MAX => self.note("… and so on; from here on failures are only counted"),
            said if said < SAY_MAX => self.note(text),
            _ => {}
        }
    }

    /// Runs what writes to the terminal without spoiling the bar.
    pub fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) if std::io::stdout().is_terminal() => bar.suspend(write),
            _ => write(),
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn write(&self, text: &str) {
        // Without anybody to read it, nothing is lost.
        drop(writeln!(std::io::stderr(), "{}: {text}", self.name));
    }
}

fn details(tally: &Tally) -> String {
    let mut text = format!("{} running", tally.running);
    for (count, what) in [(tally.retried, "retried"), (tally.failed, "failed")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}
