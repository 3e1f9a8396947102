// SPDX-License-Identifier: Apache-2.0

//! Fills messages from parsed JSON, by the lenient rules of Mesos.

use std::collections::BTreeMap;

use super::{Dialect, Json, JsonError, Members, Name, beginning, parse};
use crate::wire::{Enumeration, Message, Report, Step, Value, WireError};

/// Gathers what is missing while messages are filled.
pub struct JsonReader {
    dialect: Dialect,
    report: Report,
    field: &'static str,
    /// Whether the value being read is of a required field, where an unknown enum name is an error.
    required: bool,
}

impl JsonReader {
    /// A reader for `json`, whose size bounds what reading may allocate.
    pub(crate) fn new(json: &Json, dialect: Dialect) -> JsonReader {
        JsonReader { dialect, report: Report::new(length(json)), field: "", required: false }
    }

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The name of the field being read, for error texts.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Reads the outermost object; afterwards every required field is present.
    pub(crate) fn top<M: Message>(mut self, json: &Json, message: &mut M) -> Result<(), JsonError> {
        let Json::Object(members) = json else {
            return Err(JsonError("Expecting a JSON object".into()));
        };
        self.members(members, message)?;
        self.report.finish().map_err(refused)
    }

    pub fn message<M: Message>(&mut self, json: &Json, message: &mut M) -> Result<(), JsonError> {
        match json {
            Json::Object(members) => self.members(members, message),
            other => Err(self.unexpected(other)),
        }
    }

    fn members<M: Message>(&mut self, members: &Members, message: &mut M) -> Result<(), JsonError> {
        let mut seen = 0;
        for (key, value) in members.iter() {
            if matches!(value, Json::Null) {
                continue;
            }
            let key = if self.dialect.spells_v0() { modern::<M>(key) } else { Some(key.as_str()) };
            if let Some(key) = key {
                message.merge_json(key, value, self, &mut seen)?;
            }
        }
        let v0 = self.dialect.spells_v0();
        self.report.check(M::REQUIRED.iter().map(|(_, name)| if v0 { name.v0 } else { name.v1 }), seen);
        Ok(())
    }

    pub fn required<T: Value>(
        &mut self,
        number: u32,
        name: Name,
        json: &Json,
        value: &mut T,
        seen: &mut u64,
        bit: u32,
    ) -> Result<(), JsonError> {
        self.no_array(name, json)?;
        if self.value(number, name, None, true, json, value)? {
            *seen |= 1 << bit;
        }
        Ok(())
    }

    pub fn optional<T: Value + Default>(
        &mut self,
        number: u32,
        name: Name,
        json: &Json,
        value: &mut Option<T>,
    ) -> Result<(), JsonError> {
        self.no_array(name, json)?;
        let mut read = T::default();
        if self.value(number, name, None, false, json, &mut read)? {
            *value = Some(read);
        }
        Ok(())
    }

    /// Mesos: a lone value stands for a list of one, and lists within lists are joined.
    pub fn repeated<T: Value + Default>(
        &mut self,
        number: u32,
        name: Name,
        json: &Json,
        values: &mut Vec<T>,
    ) -> Result<(), JsonError> {
        match json {
            Json::Null => {}
            Json::Array(elements) => {
                for element in elements {
                    self.repeated(number, name, element, values)?;
                }
            }
            lone => {
                let mut value = T::default();
                if self.value(number, name, Some(values.len()), false, lone, &mut value)? {
                    values.push(value);
                }
            }
        }
        Ok(())
    }

    /// Mesos: an entry is a message with a `key` and a `value`; several objects may stand in a list.
    pub fn map<T: Value + Default>(
        &mut self,
        number: u32,
        name: Name,
        json: &Json,
        map: &mut BTreeMap<String, T>,
    ) -> Result<(), JsonError> {
        let members = match json {
            Json::Null => return Ok(()),
            Json::Array(elements) => {
                return elements.iter().try_for_each(|element| self.map(number, name, element, map));
            }
            Json::Object(members) => members,
            other => {
                self.field = self.spelled(name);
                return Err(self.unexpected(other));
            }
        };
        for (key, member) in members.iter() {
            let entry = Step { number, name: self.spelled(name), index: Some(map.len()) };
            self.report.enter(entry).map_err(refused)?;
            let name = Name::new("value", "value");
            let mut value = T::default();
            match member {
                // An empty message, read for the sake of what it lacks.
                Json::Null if T::NESTS => {
                    self.value(2, name, None, false, &Json::Object(Members::default()), &mut value)?;
                }
                Json::Null => {}
                member => {
                    self.no_array(name, member)?;
                    self.value(2, name, None, false, member, &mut value)?;
                }
            }
            self.report.leave();
            map.insert(key.clone(), value);
        }
        Ok(())
    }

    /// Reads one value of the field; the others only say which values it takes.
    fn value<T: Value>(
        &mut self,
        number: u32,
        name: Name,
        index: Option<usize>,
        required: bool,
        json: &Json,
        value: &mut T,
    ) -> Result<bool, JsonError> {
        let name = self.spelled(name);
        self.field = name;
        self.required = required;
        self.report.charge(size_of::<T>() + T::HEAP).map_err(refused)?;
        if !T::NESTS {
            return value.read_json(json, self);
        }
        self.report.enter(Step { number, name, index }).map_err(refused)?;
        let known = value.read_json(json, self)?;
        self.report.leave();
        Ok(known)
    }

    /// A number, or a string that holds one.
    pub(crate) fn number(&self, json: &Json) -> Result<Json, JsonError> {
        match json {
            Json::Integer(_) | Json::Double(_) => Ok(json.clone()),
            Json::String(text) => self.parse_text(text, "number", |json| {
                matches!(json, Json::Integer(_) | Json::Double(_)).then(|| json.clone())
            }),
            other => Err(self.unexpected(other)),
        }
    }

    /// Reads the value that a string holds as JSON text.
    pub(crate) fn parse_text<T>(
        &self,
        text: &str,
        what: &str,
        pick: impl FnOnce(&Json) -> Option<T>,
    ) -> Result<T, JsonError> {
        let fail = |error: &str| {
            let text = beginning(text.as_bytes());
            JsonError(format!(
                "Failed to parse '{text}' as a JSON {what} for field '{}': {error}",
                self.field
            ))
        };
        let json = parse(text.as_bytes()).map_err(|error| fail(&error.0))?;
        pick(&json).ok_or_else(|| fail("Unexpected JSON type parsed"))
    }

    /// An enum by its name; `None` if the name has no meaning and the field may stay unset.
    pub(crate) fn enumeration<E: Enumeration>(&self, json: &Json) -> Result<Option<E>, JsonError> {
        let Json::String(name) = json else {
            return Err(self.unexpected(json));
        };
        let found = match self.dialect {
            Dialect::V0 => E::from_v0_name(name),
            Dialect::V1 => E::from_name(name),
            Dialect::Master => E::VALUES.iter().find(|entry| entry.2.v1 == name).map(|entry| entry.0),
        };
        if found.is_none() && self.required {
            let name = beginning(name.as_bytes());
            return Err(JsonError(format!("Failed to find enum for '{name}'")));
        }
        Ok(found)
    }

    /// The error for a value whose kind the field does not take.
    pub(crate) fn unexpected(&self, json: &Json) -> JsonError {
        let kind = match json {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Integer(_) | Json::Double(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        };
        JsonError(format!("Not expecting a JSON {kind} for field '{}'", self.field))
    }

    fn no_array(&mut self, name: Name, json: &Json) -> Result<(), JsonError> {
        self.field = self.spelled(name);
        if matches!(json, Json::Array(_)) { Err(self.unexpected(json)) } else { Ok(()) }
    }

    fn spelled(&self, name: Name) -> &'static str {
        if self.dialect.spells_v0() { name.v0 } else { name.v1 }
    }
}

fn refused(error: WireError) -> JsonError {
    JsonError(error.to_string())
}

/// The v1 spelling of a v0 member's name; none if v0 does not know the name.
fn modern<M: Message>(key: &str) -> Option<&str> {
    match M::RENAMED.iter().find(|(_, name)| name.v0 == key || name.v1 == key) {
        Some((_, name)) => (name.v0 == key).then_some(name.v1),
        None => Some(key),
    }
}

/// About as many bytes as the text had, at the least.
fn length(json: &Json) -> usize {
    match json {
        Json::Null | Json::Bool(_) | Json::Integer(_) | Json::Double(_) => 1,
        Json::String(text) => 2 + text.len(),
        Json::Array(elements) => 2 + elements.iter().map(length).sum::<usize>(),
        Json::Object(members) => {
            2 + members.iter().map(|(key, value)| 4 + key.len() + length(value)).sum::<usize>()
        }
    }
}
