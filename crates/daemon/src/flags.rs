// SPDX-License-Identifier: Apache-2.0

//! The flags of the daemons, as Mesos defines them.
//!
//! One [definition](Flag) of a flag feeds the parser, the help and `/flags`. Every flag of Mesos is known by name: it is
//! used; or ignored with one warning, where that does no harm; or refused with the reason, unless it asks for what
//! happens anyway.

pub mod agent;
pub mod executor;
mod help;
pub mod local;
pub mod master;
mod parse;
mod shared;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kaon_api::json::{Dialect, JsonWriter};

pub use help::help;
pub use parse::FlagError;
pub use value::Value;

/// The definition of one flag.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    pub name: &'static str,
    /// The name that Mesos used before; still taken.
    pub alias: Option<&'static str>,
    pub kind: Kind,
    /// None: unset unless given.
    pub default: Option<&'static str>,
    /// The least and the greatest value, of the flag's kind.
    pub between: Option<(&'static str, &'static str)>,
    /// The words of which its value may be a list, and why others are refused.
    pub only: Option<(&'static [&'static str], &'static str)>,
    pub status: Status,
    pub help: &'static str,
    /// Mesos: it has no default there, or not every build knows it, so `/flags` shows it only where it was set to something.
    pub shown_if_set: bool,
}

/// What values a flag takes. All but [`Kind::Path`] also take `file:///path`, and are read from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `--name`, `--no-name`, `--name=true`.
    Bool,
    Integer,
    Number,
    /// `5secs`.
    Duration,
    /// `32MB`.
    Bytes,
    Text,
    Path,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// What a flag is good for here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Used,
    /// Taken with one warning; the text says why that does no harm.
    Ignored(&'static str),
    /// Refused, unless it has the value it has anyway; the text says why.
    Refused(&'static str),
}

/// A flag that is used. The rows of the tables begin with this, or with one of the two that follow.
const fn used(name: &'static str, kind: Kind, default: Option<&'static str>, help: &'static str) -> Flag {
    row(name, kind, default, Status::Used, help)
}

/// A flag that does not matter here, because of `why`.
const fn ignored(name: &'static str, kind: Kind, default: Option<&'static str>, why: &'static str) -> Flag {
    row(name, kind, default, Status::Ignored(why), why)
}

/// A flag that cannot be had here, because of `why`.
const fn refused(name: &'static str, kind: Kind, default: Option<&'static str>, why: &'static str) -> Flag {
    row(name, kind, default, Status::Refused(why), why)
}

const fn row(
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    status: Status,
    help: &'static str,
) -> Flag {
    Flag { name, alias: None, kind, default, between: None, only: None, status, help, shown_if_set: false }
}

impl Flag {
    const fn or(mut self, alias: &'static str) -> Flag {
        self.alias = Some(alias);
        self
    }

    const fn shown_if_set(mut self) -> Flag {
        self.shown_if_set = true;
        self
    }

    const fn between(mut self, least: &'static str, greatest: &'static str) -> Flag {
        self.between = Some((least, greatest));
        self
    }

    const fn only(mut self, words: &'static [&'static str], why: &'static str) -> Flag {
        self.only = Some((words, why));
        self
    }
}

/// A daemon's flags: several lists, of which some are shared.
pub type Table = &'static [&'static [Flag]];

/// The flags with which a daemon was started.
#[derive(Clone, Debug)]
pub struct Flags {
    values: BTreeMap<&'static str, Value>,
    /// Those that `/flags` does not show.
    unshown: BTreeSet<&'static str>,
    /// What the operator should know of flags that are old or have no effect.
    pub warnings: Vec<String>,
}

impl Flags {
    /// Reads the arguments (without the program's name) and the variables whose names begin with `MESOS_`.
    pub fn load(
        table: Table,
        arguments: impl IntoIterator<Item = String>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Flags, FlagError> {
        let (values, warnings) = parse::load(table, arguments, environment)?;
        let unshown = unshown(table, &values);
        Ok(Flags { values, unshown, warnings })
    }

    /// Invariant: what follows is asked with the kind that the flag's definition has.
    pub fn boolean(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Value::Bool(true)))
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn integer(&self, name: &str) -> Option<u64> {
        match self.values.get(name) {
            Some(Value::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.values.get(name) {
            Some(Value::Duration(span)) => Some(span.to_std()),
            _ => None,
        }
    }

    /// A flag that has a default, and so a value.
    pub fn set_duration(&self, name: &str) -> Duration {
        self.duration(name).expect("a duration with a default")
    }

    /// A flag that has a default, and so a value.
    pub fn set_integer(&self, name: &str) -> u64 {
        self.integer(name).expect("an integer with a default")
    }

    /// A size that has a default, and so a value.
    pub fn set_bytes(&self, name: &str) -> u64 {
        match self.values.get(name) {
            Some(Value::Bytes(bytes)) => bytes.0,
            _ => panic!("'{name}' is a size with a default"),
        }
    }

    /// A number that has a default, and so a value.
    pub fn set_number(&self, name: &str) -> f64 {
        match self.values.get(name) {
            Some(Value::Number(value)) => *value,
            _ => panic!("'{name}' is a number with a default"),
        }
    }

    /// A number that counts things in memory, and has a default.
    pub fn set_count(&self, name: &str) -> usize {
        usize::try_from(self.set_integer(name)).unwrap_or(usize::MAX)
    }

    /// The same flags as another daemon's, which is part of this process, with some of them set anew.
    pub fn part(&self, table: Table, anew: &[(&'static str, String)]) -> Flags {
        let flags = all(table);
        let kept = self.values.iter().filter(|(name, _)| flags.contains_key(*name));
        let mut values: BTreeMap<_, _> = kept.map(|(name, value)| (*name, value.clone())).collect();
        for (name, text) in anew {
            let value = Value::parse(flags[name].kind, text).expect("set by this process itself");
            values.insert(*name, value);
        }
        let unshown = unshown(table, &values);
        Flags { values, unshown, warnings: Vec::new() }
    }

    /// Sets a flag whose value only became known while starting.
    pub fn set_text(&mut self, name: &'static str, text: &str) {
        self.values.insert(name, Value::Text(text.to_owned()));
    }

    /// Flags that have a value, as /flags shows them.
    pub fn shown(&self) -> BTreeMap<String, String> {
        let shown = self.values.iter().filter(|(name, _)| !self.unshown.contains(*name));
        shown.map(|(name, value)| ((*name).to_owned(), without_secret(value.to_string()))).collect()
    }

    /// The body of /flags.
    pub fn json(shown: &BTreeMap<String, String>) -> Vec<u8> {
        let mut out = Vec::new();
        JsonWriter::new(&mut out, Dialect::V0).object(|w| {
            w.key("flags");
            w.object(|w| {
                for (name, value) in shown {
                    w.key(name);
                    w.string(value);
                }
            });
        });
        out
    }
}

/// Mesos: shows everybody the password with which its masters write to ZooKeeper; here it is left out.
fn without_secret(value: String) -> String {
    let Some(rest) = value.trim().strip_prefix("zk://") else { return value };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, servers)) => format!("zk://***@{servers}{path}"),
        None => value,
    }
}

/// The flags that are shown only if set, and were not.
fn unshown(table: Table, values: &BTreeMap<&'static str, Value>) -> BTreeSet<&'static str> {
    let is_default = |flag: &Flag| {
        let default = flag.default.and_then(|default| Value::parse(flag.kind, default).ok());
        values.get(flag.name) == default.as_ref()
    };
    let flags = all(table).into_values();
    flags.filter(|flag| flag.shown_if_set && is_default(flag)).map(|flag| flag.name).collect()
}

/// All flags of a table, by name.
fn all(table: Table) -> BTreeMap<&'static str, &'static Flag> {
    table.iter().flat_map(|flags| flags.iter()).map(|flag| (flag.name, flag)).collect()
}
