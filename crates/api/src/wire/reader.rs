// SPDX-License-Identifier: Apache-2.0

//! The cursor over a message's bytes.

use std::collections::BTreeMap;

use super::{DEPTH_MAX, Message, Value, WireError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireType {
    Varint,
    Fixed64,
    Bytes,
    GroupStart,
    GroupEnd,
    Fixed32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    pub number: u32,
    pub wire: WireType,
}

/// One step of the path to a field, for the text that names what is missing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub number: u32,
    pub name: &'static str,
    pub index: Option<usize>,
}

/// What is gathered over a whole message while it is read.
pub(crate) struct Report {
    path: Vec<Step>,
    missing: Vec<Missing>,
    /// Bytes of memory that decoding may still take.
    budget: usize,
}

/// The sort key reproduces protobuf's order: a message's own missing fields, then those of its members.
struct Missing {
    order: Vec<(bool, u32, usize)>,
    text: String,
}

impl Report {
    /// Bound: a message may take 4 MiB, plus 64 times its length, in memory: far above what any real one takes.
    const BUDGET_BASE: usize = 4 << 20;
    const BUDGET_FACTOR: usize = 64;
    /// Bound: the text that names missing fields lists this many, to keep the answer short.
    const MISSING_MAX: usize = 100;

    pub(crate) fn new(length: usize) -> Report {
        let budget = Self::BUDGET_BASE.saturating_add(length.saturating_mul(Self::BUDGET_FACTOR));
        Report { path: Vec::new(), missing: Vec::new(), budget }
    }

    pub(crate) fn charge(&mut self, size: usize) -> Result<(), WireError> {
        self.budget = self.budget.checked_sub(size).ok_or(WireError::TooLarge)?;
        Ok(())
    }

    pub(crate) fn enter(&mut self, step: Step) -> Result<(), WireError> {
        if self.path.len() >= DEPTH_MAX {
            return Err(WireError::TooDeep);
        }
        self.path.push(step);
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }

    pub(crate) fn path_len(&self) -> usize {
        self.path.len()
    }

    pub(crate) fn miss(&mut self, number: u32, name: &'static str) {
        if self.missing.len() >= Self::MISSING_MAX {
            return;
        }
        let mut order: Vec<(bool, u32, usize)> =
            self.path.iter().map(|step| (true, step.number, step.index.unwrap_or(0))).collect();
        order.push((false, number, 0));
        let mut text = String::new();
        for step in &self.path {
            text.push_str(step.name);
            if let Some(index) = step.index {
                text.push_str(&format!("[{index}]"));
            }
            text.push('.');
        }
        text.push_str(name);
        self.missing.push(Missing { order, text });
    }

    pub(crate) fn finish(mut self) -> Result<(), WireError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        self.missing.sort_by(|a, b| a.order.cmp(&b.order));
        let texts: Vec<&str> = self.missing.iter().map(|missing| missing.text.as_str()).collect();
        Err(WireError::MissingRequired(texts.join(", ")))
    }
}

/// Reads the fields of one message.
pub struct Reader<'a, 'r> {
    rest: &'a [u8],
    report: &'r mut Report,
}

impl<'a, 'r> Reader<'a, 'r> {
    pub(crate) fn new(bytes: &'a [u8], report: &'r mut Report) -> Reader<'a, 'r> {
        Reader { rest: bytes, report }
    }

    /// Reads fields up to the end; afterwards reports the required ones that never came.
    pub(crate) fn merge_message<M: Message>(
        &mut self,
        message: &mut M,
        seen: &mut u64,
    ) -> Result<(), WireError> {
        while !self.rest.is_empty() {
            let start = self.rest;
            let tag = self.tag()?;
            let after_tag = self.rest;
            if !message.merge_field(tag, self, seen)? {
                self.rest = after_tag;
                self.skip(tag, 0)?;
                let raw = &start[..start.len() - self.rest.len()];
                self.report.charge(raw.len())?;
                message.unknown_mut().push(raw);
            }
        }
        for (bit, (number, name)) in M::REQUIRED.iter().enumerate() {
            if *seen & (1 << bit) == 0 {
                self.report.miss(*number, name.v1);
            }
        }
        Ok(())
    }

    pub fn required<T: Value>(
        &mut self,
        tag: Tag,
        name: &'static str,
        value: &mut T,
        seen: &mut u64,
        bit: u32,
    ) -> Result<bool, WireError> {
        let known = self.singular(tag, name, value, *seen & (1 << bit) != 0)?;
        if known {
            *seen |= 1 << bit;
        }
        Ok(known)
    }

    pub fn optional<T: Value + Default>(
        &mut self,
        tag: Tag,
        name: &'static str,
        value: &mut Option<T>,
    ) -> Result<bool, WireError> {
        let repeated = value.is_some();
        let mut read = value.take().unwrap_or_default();
        let known = self.singular(tag, name, &mut read, repeated)?;
        if known || repeated {
            *value = Some(read);
        }
        Ok(known)
    }

    pub fn repeated<T: Value + Default>(
        &mut self,
        tag: Tag,
        name: &'static str,
        values: &mut Vec<T>,
    ) -> Result<bool, WireError> {
        if tag.wire == WireType::Bytes && T::WIRE != WireType::Bytes {
            return self.packed(values);
        }
        if tag.wire != T::WIRE {
            return Ok(false);
        }
        self.report.charge(size_of::<T>())?;
        self.report.enter(Step { number: tag.number, name, index: Some(values.len()) })?;
        let mut value = T::default();
        let known = value.read(self, false)?;
        self.report.leave();
        if known {
            values.push(value);
        }
        Ok(known)
    }

    fn packed<T: Value + Default>(&mut self, values: &mut Vec<T>) -> Result<bool, WireError> {
        let mut inner = Reader { rest: self.bytes()?, report: self.report };
        while !inner.rest.is_empty() {
            inner.report.charge(size_of::<T>())?;
            let mut value = T::default();
            if value.read(&mut inner, false)? {
                values.push(value);
            }
        }
        Ok(true)
    }

    pub fn map<T: Value + Default>(
        &mut self,
        tag: Tag,
        name: &'static str,
        map: &mut BTreeMap<String, T>,
    ) -> Result<bool, WireError> {
        if tag.wire != WireType::Bytes {
            return Ok(false);
        }
        self.report.charge(size_of::<T>() + 64)?;
        self.report.enter(Step { number: tag.number, name, index: None })?;
        let mut inner = Reader { rest: self.bytes()?, report: self.report };
        let (mut key, mut value) = (String::new(), T::default());
        while !inner.rest.is_empty() {
            let tag = inner.tag()?;
            let known = match tag.number {
                1 => inner.singular(tag, "key", &mut key, false)?,
                2 => inner.singular(tag, "value", &mut value, false)?,
                _ => false,
            };
            if !known {
                inner.skip(tag, 0)?;
            }
        }
        self.report.leave();
        map.insert(key, value);
        Ok(true)
    }

    /// `again` says that an earlier occurrence of this field was read: messages merge, other values are replaced.
    fn singular<T: Value>(
        &mut self,
        tag: Tag,
        name: &'static str,
        value: &mut T,
        again: bool,
    ) -> Result<bool, WireError> {
        if tag.wire != T::WIRE {
            return Ok(false);
        }
        self.report.charge(size_of::<T>())?;
        self.report.enter(Step { number: tag.number, name, index: None })?;
        let known = value.read(self, again)?;
        self.report.leave();
        Ok(known)
    }

    /// Reads a message with its length in front.
    pub(crate) fn embedded<M: Message>(&mut self, message: &mut M, again: bool) -> Result<(), WireError> {
        let mut inner = Reader { rest: self.bytes()?, report: self.report };
        // What the first occurrence lacked has been reported already.
        let mut seen = if again { u64::MAX } else { 0 };
        inner.merge_message(message, &mut seen)
    }

    fn tag(&mut self) -> Result<Tag, WireError> {
        let raw = self.varint()?;
        let number =
            u32::try_from(raw >> 3).map_err(|_| WireError::Malformed("a field number is out of range"))?;
        if number == 0 || number > 536_870_911 {
            return Err(WireError::Malformed("a field number is out of range"));
        }
        let wire = match raw & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Bytes,
            3 => WireType::GroupStart,
            4 => WireType::GroupEnd,
            5 => WireType::Fixed32,
            _ => return Err(WireError::Malformed("a field has an unknown wire type")),
        };
        Ok(Tag { number, wire })
    }

    pub fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        if self.rest.len() < 10 {
            Err(WireError::Truncated)
        } else {
            Err(WireError::Malformed("a number is too long"))
        }
    }

    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    /// Reads bytes with their length in front.
    pub fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
        let (head, rest) = self.rest.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    fn skip(&mut self, tag: Tag, depth: usize) -> Result<(), WireError> {
        match tag.wire {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.fixed::<8>().map(drop),
            WireType::Fixed32 => self.fixed::<4>().map(drop),
            WireType::Bytes => self.bytes().map(drop),
            WireType::GroupEnd => Err(WireError::Malformed("a group ends that never began")),
            WireType::GroupStart => {
                if depth + self.report.path_len() >= DEPTH_MAX {
                    return Err(WireError::TooDeep);
                }
                loop {
                    let inner = self.tag()?;
                    if inner.wire == WireType::GroupEnd {
                        return if inner.number == tag.number {
                            Ok(())
                        } else {
                            Err(WireError::Malformed("a group ends under another number"))
                        };
                    }
                    self.skip(inner, depth + 1)?;
                }
            }
        }
    }
}
