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

use std::collections::BTreeMap;
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
    pub status: Status,
    pub help: &'static str,
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
    Flag { name, alias: None, kind, default, between: None, status: Status::Used, help }
}

/// A flag that does not matter here, because of `why`.
const fn ignored(name: &'static str, kind: Kind, default: Option<&'static str>, why: &'static str) -> Flag {
    Flag { name, alias: None, kind, default, between: None, status: Status::Ignored(why), help: why }
}

/// A flag that cannot be had here, because of `why`.
const fn refused(name: &'static str, kind: Kind, default: Option<&'static str>, why: &'static str) -> Flag {
    Flag { name, alias: None, kind, default, between: None, status: Status::Refused(why), help: why }
}

impl Flag {
    const fn or(mut self, alias: &'static str) -> Flag {
        self.alias = Some(alias);
        self
    }

    const fn between(mut self, least: &'static str, greatest: &'static str) -> Flag {
        self.between = Some((least, greatest));
        self
    }
}

/// A daemon's flags: several lists, of which some are shared.
pub type Table = &'static [&'static [Flag]];

/// The flags with which a daemon was started.
#[derive(Clone, Debug)]
pub struct Flags {
    values: BTreeMap<&'static str, Value>,
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
        Ok(Flags { values, warnings })
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
        Flags { values, warnings: Vec::new() }
    }

    /// Sets a flag whose value only became known while starting.
    pub fn set_text(&mut self, name: &'static str, text: &str) {
        self.values.insert(name, Value::Text(text.to_owned()));
    }

    /// Every flag that has a value, as /flags shows it.
    pub fn shown(&self) -> BTreeMap<String, String> {
        self.values.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect()
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

/// All flags of a table, by name.
fn all(table: Table) -> BTreeMap<&'static str, &'static Flag> {
    table.iter().flat_map(|flags| flags.iter()).map(|flag| (flag.name, flag)).collect()
}
