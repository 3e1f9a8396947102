// SPDX-License-Identifier: Apache-2.0

//! How fields are appended to a message's bytes.

use std::collections::BTreeMap;

use super::{Value, WireType};

pub fn put_required<T: Value>(out: &mut Vec<u8>, number: u32, value: &T) {
    encode_tag(out, number, T::WIRE);
    value.write(out);
}

pub fn put_optional<T: Value>(out: &mut Vec<u8>, number: u32, value: &Option<T>) {
    if let Some(value) = value {
        put_required(out, number, value);
    }
}

pub fn put_repeated<T: Value>(out: &mut Vec<u8>, number: u32, values: &[T]) {
    for value in values {
        put_required(out, number, value);
    }
}

pub fn put_map<T: Value>(out: &mut Vec<u8>, number: u32, map: &BTreeMap<String, T>) {
    for (key, value) in map {
        encode_tag(out, number, WireType::Bytes);
        with_length(out, |out| {
            put_required(out, 1, key);
            put_required(out, 2, value);
        });
    }
}

#[inline]
pub fn encode_tag(out: &mut Vec<u8>, number: u32, wire: WireType) {
    let wire = match wire {
        WireType::Varint => 0,
        WireType::Fixed64 => 1,
        WireType::Bytes => 2,
        WireType::GroupStart => 3,
        WireType::GroupEnd => 4,
        WireType::Fixed32 => 5,
    };
    encode_varint(out, u64::from(number) << 3 | wire);
}

#[inline]
pub fn encode_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends what `body` appends, with its length in front: one byte is kept free for the length, and the body is
/// moved by the few bytes that a longer length needs.
pub(crate) fn with_length(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.push(0);
    body(out);
    let length = out.len() - start - 1;
    if length < 0x80 {
        out[start] = length as u8;
        return;
    }
    let mut prefix = Vec::with_capacity(10);
    encode_varint(&mut prefix, length as u64);
    let extra = prefix.len() - 1;
    out.resize(out.len() + extra, 0);
    out.copy_within(start + 1..start + 1 + length, start + 1 + extra);
    out[start..=start + extra].copy_from_slice(&prefix);
}
