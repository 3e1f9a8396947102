// SPDX-License-Identifier: Apache-2.0

//! The cursor over a message's bytes.

use std::collections::BTreeMap;

use super::report::{Report, Step};
use super::{DEPTH_MAX, Message, Value, WireError, encode_tag, encode_varint};

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

/// Reads the fields of one message.
pub struct Reader<'a, 'r> {
    rest: &'a [u8],
    report: &'r mut Report,
    /// Values of a packed field that have no meaning; they join the unknown fields.
    strange: Vec<u8>,
}

/// The largest field number that protobuf allows.
const FIELD_MAX: u32 = (1 << 29) - 1;

/// What an unknown field takes beyond its bytes, when it is the first of its message.
const UNKNOWN_COST: usize = 64;

impl<'a, 'r> Reader<'a, 'r> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], report: &'r mut Report) -> Reader<'a, 'r> {
        Reader { rest: bytes, report, strange: Vec::new() }
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
                self.report.charge(UNKNOWN_COST + raw.len())?;
                message.unknown_mut().push(raw);
            }
            if !self.strange.is_empty() {
                self.report.charge(UNKNOWN_COST + self.strange.len())?;
                message.unknown_mut().push(&std::mem::take(&mut self.strange));
            }
        }
        self.report.check(M::REQUIRED.iter().map(|(_, name)| name.v1), *seen);
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
            return self.packed(tag, values);
        }
        if tag.wire != T::WIRE {
            return Ok(false);
        }
        self.report.charge(size_of::<T>() + T::HEAP)?;
        let mut value = T::default();
        let step = Step { number: tag.number, name, index: Some(values.len()) };
        let known = self.value(step, &mut value, false)?;
        if known {
            values.push(value);
        }
        Ok(known)
    }

    fn packed<T: Value + Default>(&mut self, tag: Tag, values: &mut Vec<T>) -> Result<bool, WireError> {
        let mut inner = Reader::new(self.bytes()?, self.report);
        while !inner.rest.is_empty() {
            inner.report.charge(size_of::<T>())?;
            let start = inner.rest;
            let mut value = T::default();
            if value.read(&mut inner, false)? {
                values.push(value);
            } else {
                // Mesos: an enum number without a meaning is kept as a field that stands alone.
                inner.rest = start;
                let number = inner.varint()?;
                encode_tag(&mut self.strange, tag.number, WireType::Varint);
                encode_varint(&mut self.strange, number);
            }
        }
        Ok(true)
    }

    /// Mesos: an entry without a key or a value has an empty one; the last of equal keys wins.
    pub fn map<T: Value + Default>(
        &mut self,
        tag: Tag,
        name: &'static str,
        map: &mut BTreeMap<String, T>,
    ) -> Result<bool, WireError> {
        if tag.wire != WireType::Bytes {
            return Ok(false);
        }
        // A map allocates room for eleven entries at once.
        let entry = size_of::<String>() + size_of::<T>();
        self.report.charge(T::HEAP + if map.is_empty() { 12 * entry } else { 2 * entry })?;
        self.report.enter(Step { number: tag.number, name, index: Some(map.len()) })?;
        let mut inner = Reader::new(self.bytes()?, self.report);
        let (mut key, mut value, mut came) = (String::new(), T::default(), false);
        while !inner.rest.is_empty() {
            let tag = inner.tag()?;
            let after_tag = inner.rest;
            let known = match tag.number {
                1 => inner.singular(tag, "key", &mut key, false)?,
                2 => inner.singular(tag, "value", &mut value, came)?,
                _ => false,
            };
            came |= known && tag.number == 2;
            if !known {
                inner.rest = after_tag;
                inner.skip(tag, 0)?;
            }
        }
        if !came && T::NESTS {
            // An empty message, read for the sake of what it lacks.
            inner.rest = &[0];
            inner.singular(Tag { number: 2, wire: T::WIRE }, "value", &mut value, false)?;
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
        if !again {
            self.report.charge(size_of::<T>() + T::HEAP)?;
        }
        self.value(Step { number: tag.number, name, index: None }, value, again)
    }

    fn value<T: Value>(&mut self, step: Step, value: &mut T, again: bool) -> Result<bool, WireError> {
        if !T::NESTS {
            return value.read(self, again);
        }
        self.report.enter(step)?;
        let known = value.read(self, again)?;
        self.report.leave();
        Ok(known)
    }

    /// Reads a message with its length in front.
    pub(crate) fn embedded<M: Message>(&mut self, message: &mut M, again: bool) -> Result<(), WireError> {
        let mut seen = if again { !self.report.retract() } else { 0 };
        Reader::new(self.bytes()?, self.report).merge_message(message, &mut seen)
    }

    #[inline]
    fn tag(&mut self) -> Result<Tag, WireError> {
        let raw = self.varint()?;
        let number = u32::try_from(raw >> 3).unwrap_or(0);
        if !(1..=FIELD_MAX).contains(&number) {
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

    #[inline]
    pub fn varint(&mut self) -> Result<u64, WireError> {
        // Most are of one byte.
        if let [byte @ ..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
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

    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    /// Reads bytes with their length in front.
    #[inline]
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
                if depth + self.report.depth() >= DEPTH_MAX {
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
