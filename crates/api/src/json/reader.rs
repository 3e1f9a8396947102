// SPDX-License-Identifier: Apache-2.0

//! Fills messages from parsed JSON, by the lenient rules of Mesos.

use std::collections::BTreeMap;

use super::{Dialect, Json, JsonError, Name, parse};
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
    pub fn new(dialect: Dialect) -> JsonReader {
        // The budget against blown-up messages is spent by bytes; JSON text is larger than what it becomes.
        JsonReader { dialect, report: Report::new(usize::MAX / 128), field: "", required: false }
    }

    pub fn is_v0(&self) -> bool {
        self.dialect == Dialect::V0
    }

    /// The name of the field being read, for error texts.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Reads the outermost object; afterwards every required field is present.
    pub(crate) fn top<M: Message>(&mut self, json: &Json, message: &mut M) -> Result<(), JsonError> {
        let Json::Object(members) = json else {
            return Err(JsonError("Expecting a JSON object".into()));
        };
        self.members(members, message)?;
        let report = std::mem::replace(&mut self.report, Report::new(0));
        report.finish().map_err(|error| JsonError(error.to_string()))
    }

    pub fn message<M: Message>(&mut self, json: &Json, message: &mut M) -> Result<(), JsonError> {
        match json {
            Json::Object(members) => self.members(members, message),
            other => Err(self.unexpected(other)),
        }
    }

    fn members<M: Message>(
        &mut self,
        members: &BTreeMap<String, Json>,
        message: &mut M,
    ) -> Result<(), JsonError> {
        let mut seen = 0;
        for (key, value) in members {
            if matches!(value, Json::Null) {
                continue;
            }
            let key = if self.is_v0() { modern::<M>(key) } else { key };
            message.merge_json(key, value, self, &mut seen)?;
        }
        for (bit, (number, name)) in M::REQUIRED.iter().enumerate() {
            if seen & (1 << bit) == 0 {
                self.report.miss(*number, self.spelled(*name));
            }
        }
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
        self.enter(number, name, None, true)?;
        self.no_array(json)?;
        if value.read_json(json, self)? {
            *seen |= 1 << bit;
        }
        self.report.leave();
        Ok(())
    }

    pub fn optional<T: Value + Default>(
        &mut self,
        number: u32,
        name: Name,
        json: &Json,
        value: &mut Option<T>,
    ) -> Result<(), JsonError> {
        self.enter(number, name, None, false)?;
        self.no_array(json)?;
        let mut read = T::default();
        if read.read_json(json, self)? {
            *value = Some(read);
        }
        self.report.leave();
        Ok(())
    }

    /// Mesos: a lone value stands for a list of one.
    pub fn repeated<T: Value + Default>(
        &mut self,
        number: u32,
        name: Name,
        json: &Json,
        values: &mut Vec<T>,
    ) -> Result<(), JsonError> {
        let elements = match json {
            Json::Array(elements) => elements.as_slice(),
            lone => std::slice::from_ref(lone),
        };
        for element in elements {
            if matches!(element, Json::Null) {
                continue;
            }
            self.enter(number, name, Some(values.len()), false)?;
            if matches!(element, Json::Array(_)) {
                return Err(self.unexpected(element));
            }
            let mut value = T::default();
            if value.read_json(element, self)? {
                values.push(value);
            }
            self.report.leave();
        }
        Ok(())
    }

    pub fn map<T: Value + Default>(
        &mut self,
        number: u32,
        name: Name,
        json: &Json,
        map: &mut BTreeMap<String, T>,
    ) -> Result<(), JsonError> {
        self.enter(number, name, None, false)?;
        let Json::Object(members) = json else {
            return Err(self.unexpected(json));
        };
        for (key, member) in members {
            let mut value = T::default();
            if !matches!(member, Json::Null) && value.read_json(member, self)? {
                map.insert(key.clone(), value);
            }
        }
        self.report.leave();
        Ok(())
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
        let found = if self.is_v0() { E::from_v0_name(name) } else { E::from_name(name) };
        if found.is_none() && self.required {
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

    fn no_array(&self, json: &Json) -> Result<(), JsonError> {
        if matches!(json, Json::Array(_)) { Err(self.unexpected(json)) } else { Ok(()) }
    }

    fn enter(
        &mut self,
        number: u32,
        name: Name,
        index: Option<usize>,
        required: bool,
    ) -> Result<(), JsonError> {
        let name = self.spelled(name);
        self.field = name;
        self.required = required;
        self.report
            .enter(Step { number, name, index })
            .map_err(|error: WireError| JsonError(error.to_string()))
    }

    fn spelled(&self, name: Name) -> &'static str {
        if self.is_v0() { name.v0 } else { name.v1 }
    }
}

/// The v1 spelling of a v0 member's name.
fn modern<M: Message>(key: &str) -> &str {
    M::RENAMED.iter().find(|(_, name)| name.v0 == key).map_or(key, |(_, name)| name.v1)
}
