// SPDX-License-Identifier: Apache-2.0

//! Reads flags by the rules of Mesos's own parser.
//!
//! Mesos: names come in any case; what is no flag is skipped, and so is all that follows a lone `--`; the command line
//! outweighs the environment; variables that name no flag are ignored.

use std::collections::BTreeMap;

use super::{Flag, Kind, Status, Table, Value, all};

/// Why a daemon cannot start with these flags. Texts as Mesos prints them, where it has the case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    #[error("Failed to load unknown flag '{0}'")]
    Unknown(String),
    #[error("Failed to load unknown flag '{0}' via 'no-{0}'")]
    UnknownNegated(String),
    #[error("Duplicate flag '{0}' on command line")]
    Duplicate(String),
    #[error("Flag '{0}' is already loaded via name '{1}'")]
    Loaded(String, String),
    #[error("Failed to load non-boolean flag '{0}': Missing value")]
    MissingValue(String),
    #[error("Failed to load non-boolean flag '{0}' via 'no-{0}'")]
    NotBoolean(String),
    #[error("Failed to load boolean flag '{0}' via 'no-{0}' with value '{1}'")]
    NegatedValue(String, String),
    #[error("Failed to load flag '{name}': Failed to load value '{value}': {reason}")]
    Value { name: String, value: String, reason: String },
    #[error("Failed to load flag '{name}': Error reading file '{path}': {reason}")]
    File { name: String, path: String, reason: String },
    #[error("Expected '--{name}' to be between {least} and {greatest}, but it is {value}")]
    Range { name: &'static str, least: &'static str, greatest: &'static str, value: String },
    #[error("The flag '--{name}={value}' cannot be had: {why}")]
    Refused { name: &'static str, value: String, why: &'static str },
}

/// Bound: a file named by a flag.
const FILE_MAX: u64 = 16 << 20;

type Loaded = (BTreeMap<&'static str, Value>, Vec<String>);

pub fn load(
    table: Table,
    arguments: impl IntoIterator<Item = String>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, FlagError> {
    let flags = all(table);
    let given = merge(&flags, command_line(&flags, arguments)?, environment);
    let mut values = BTreeMap::new();
    let mut warnings = Vec::new();
    let mut loaded_as: BTreeMap<&str, String> = BTreeMap::new();
    for (name, text) in given {
        let (flag, bare, negated) = find(&flags, &name)?;
        if let Some(earlier) = loaded_as.insert(flag.name, name.clone()) {
            return Err(FlagError::Loaded(bare, earlier));
        }
        if flag.alias == Some(bare.as_str()) {
            warnings.push(format!("Loaded deprecated flag '{bare}', which is now named '{}'", flag.name));
        }
        let value = value(flag, &bare, negated, text)?;
        warnings.extend(judge(flag, &value)?);
        values.insert(flag.name, value);
    }
    for (name, flag) in flags {
        if let Some(default) = flag.default
            && !values.contains_key(name)
        {
            values.insert(name, default_of(flag, default));
        }
    }
    Ok((values, warnings))
}

fn default_of(flag: &Flag, text: &str) -> Value {
    Value::parse(flag.kind, text).expect("the tables' defaults are of their flags' kinds")
}

/// The flags of a command line: name as written, and value, if there is one.
///
/// Mesos: a value stands behind a `=`, and nowhere else. Here it may also be the next argument, where Mesos would miss it.
fn command_line(
    flags: &BTreeMap<&'static str, &'static Flag>,
    arguments: impl IntoIterator<Item = String>,
) -> Result<BTreeMap<String, Option<String>>, FlagError> {
    let mut given = BTreeMap::new();
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let argument = argument.trim();
        if argument == "--" {
            break;
        }
        let Some(flag) = argument.strip_prefix("--") else { continue };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name.to_lowercase(), Some(value.to_owned())),
            None => {
                let name = flag.to_lowercase();
                let takes_value = lookup(flags, &name).is_some_and(|flag| flag.kind != Kind::Bool);
                let value = arguments.next_if(|next| takes_value && !next.starts_with("--"));
                (name, value)
            }
        };
        let bare = name.strip_prefix("no-").unwrap_or(&name).to_owned();
        let twin = if name == bare { format!("no-{bare}") } else { bare };
        if given.contains_key(&twin) || given.insert(name.clone(), value).is_some() {
            return Err(FlagError::Duplicate(name));
        }
    }
    Ok(given)
}

/// Adds what the environment says of flags that the command line does not name.
fn merge(
    flags: &BTreeMap<&'static str, &'static Flag>,
    mut given: BTreeMap<String, Option<String>>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> BTreeMap<String, Option<String>> {
    let named = |given: &BTreeMap<String, Option<String>>, flag: &Flag| {
        let names = [Some(flag.name), flag.alias];
        names
            .into_iter()
            .flatten()
            .any(|name| given.contains_key(name) || given.contains_key(&format!("no-{name}")))
    };
    let on_command_line = given.clone();
    for (name, value) in environment {
        let Some(name) = name.strip_prefix("MESOS_") else { continue };
        let name = name.to_lowercase();
        match lookup(flags, name.strip_prefix("no-").unwrap_or(&name)) {
            Some(flag) if !named(&on_command_line, flag) => given.insert(name, Some(value)),
            _ => continue,
        };
    }
    given
}

fn lookup(flags: &BTreeMap<&'static str, &'static Flag>, name: &str) -> Option<&'static Flag> {
    flags.get(name).copied().or_else(|| flags.values().copied().find(|flag| flag.alias == Some(name)))
}

/// The flag that a name as written means, its name without `no-`, and whether that was there.
fn find(
    flags: &BTreeMap<&'static str, &'static Flag>,
    name: &str,
) -> Result<(&'static Flag, String, bool), FlagError> {
    if let Some(flag) = lookup(flags, name) {
        return Ok((flag, name.to_owned(), false));
    }
    let Some(bare) = name.strip_prefix("no-") else { return Err(FlagError::Unknown(name.to_owned())) };
    let flag = lookup(flags, bare).ok_or_else(|| FlagError::UnknownNegated(bare.to_owned()))?;
    Ok((flag, bare.to_owned(), true))
}

fn value(flag: &Flag, name: &str, negated: bool, text: Option<String>) -> Result<Value, FlagError> {
    let name = name.to_owned();
    let text = match (flag.kind, negated, text) {
        (Kind::Bool, _, None) => (!negated).to_string(),
        (Kind::Bool, _, Some(text)) if text.is_empty() => (!negated).to_string(),
        (Kind::Bool, true, Some(text)) => return Err(FlagError::NegatedValue(name, text)),
        (Kind::Bool, false, Some(text)) => text,
        (_, true, _) => return Err(FlagError::NotBoolean(name)),
        (_, false, None) => return Err(FlagError::MissingValue(name)),
        (_, false, Some(text)) => text,
    };
    let text = match text.strip_prefix("file://") {
        Some(path) if flag.kind == Kind::Path => path.to_owned(),
        Some(path) => read(&name, path)?,
        None => text,
    };
    Value::parse(flag.kind, &text).map_err(|reason| FlagError::Value { name, value: text, reason })
}

/// The content of a file, without the line end that editors leave behind it.
fn read(name: &str, path: &str) -> Result<String, FlagError> {
    let fail = |reason: String| FlagError::File { name: name.to_owned(), path: path.to_owned(), reason };
    let length = std::fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
    if length > FILE_MAX {
        return Err(fail(format!("it is larger than {FILE_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Whether a flag may have this value; the text, if any, is a warning.
fn judge(flag: &Flag, value: &Value) -> Result<Option<String>, FlagError> {
    if let Some((least, greatest)) = flag.between
        && !(default_of(flag, least) <= *value && *value <= default_of(flag, greatest))
    {
        let value = value.to_string();
        return Err(FlagError::Range { name: flag.name, least, greatest, value });
    }
    if let Some((words, why)) = flag.only
        && !value.to_string().split(',').filter(|word| !word.is_empty()).all(|word| words.contains(&word))
    {
        return Err(FlagError::Refused { name: flag.name, value: value.to_string(), why });
    }
    let usual = flag.default.is_some_and(|default| default_of(flag, default) == *value);
    match flag.status {
        _ if usual => Ok(None),
        Status::Used => Ok(None),
        Status::Ignored(why) => Ok(Some(format!("The flag '--{}' has no effect: {why}", flag.name))),
        Status::Refused(why) => Err(FlagError::Refused { name: flag.name, value: value.to_string(), why }),
    }
}
