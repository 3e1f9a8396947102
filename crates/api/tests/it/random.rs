// SPDX-License-Identifier: Apache-2.0

//! Makes random messages of any type, in bytes as a peer might send them.
//!
//! The encoder here knows nothing of the crate's own. It uses the freedom that protobuf leaves: fields in any
//! order, numbers packed or not, a message in several parts, unknown fields at any depth.

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

pub struct Maker {
    pub random: Random,
    /// Whether to use forms that lose their shape when written again: unknown fields, doubles without a number.
    pub wild: bool,
    /// How many more optional fields may be set.
    budget: usize,
}

impl Maker {
    pub fn new(seed: u64, wild: bool) -> Maker {
        Maker { random: Random(seed), wild, budget: 0 }
    }

    pub fn message(&mut self, message: &MessageDescriptor) -> Vec<u8> {
        self.budget = 60;
        self.fields(message, true)
    }

    /// The bytes of a message, whose required fields may be left to another part of it.
    fn fields(&mut self, message: &MessageDescriptor, required: bool) -> Vec<u8> {
        let mut parts = Vec::new();
        for field in message.fields() {
            match field.cardinality() {
                Cardinality::Required if required => parts.push(self.field(&field)),
                // Of a map's entry the value may have required fields.
                _ if message.is_map_entry() => parts.push(self.tagged(&field, true)),
                Cardinality::Repeated if self.take() => {
                    // All occurrences in one piece: their order has a meaning.
                    let count = 1 + self.random.below(3);
                    parts.push(self.repeated(&field, count));
                }
                Cardinality::Optional if self.take() => parts.push(self.field(&field)),
                _ => {}
            }
        }
        if self.wild && self.random.one_in(3) {
            parts.push(self.unknown());
        }
        for at in (1..parts.len()).rev() {
            let other = self.random.below(at + 1);
            parts.swap(at, other);
        }
        parts.concat()
    }

    fn take(&mut self) -> bool {
        let take = self.budget > 0 && self.random.one_in(2);
        self.budget -= usize::from(take);
        take
    }

    /// A singular field; of a message it may come in two parts, of which the first has what is required.
    fn field(&mut self, field: &FieldDescriptor) -> Vec<u8> {
        let mut out = self.tagged(field, true);
        if self.wild && self.random.one_in(6) {
            let more = self.tagged(field, false);
            out.extend(more);
        }
        out
    }

    fn repeated(&mut self, field: &FieldDescriptor, count: usize) -> Vec<u8> {
        let scalar = !matches!(field.kind(), Kind::Message(_) | Kind::String | Kind::Bytes);
        if self.wild && scalar && self.random.one_in(2) {
            let values: Vec<Vec<u8>> = (0..count).map(|_| self.value(field, true)).collect();
            return [tag(field.number(), 2), with_length(&values.concat())].concat();
        }
        (0..count).flat_map(|_| self.tagged(field, true)).collect()
    }

    fn tagged(&mut self, field: &FieldDescriptor, required: bool) -> Vec<u8> {
        let wire = match field.kind() {
            Kind::Message(_) | Kind::String | Kind::Bytes => 2,
            Kind::Double => 1,
            Kind::Float => 5,
            _ => 0,
        };
        [tag(field.number(), wire), self.value(field, required)].concat()
    }

    fn value(&mut self, field: &FieldDescriptor, required: bool) -> Vec<u8> {
        match field.kind() {
            Kind::Message(message) => with_length(&self.fields(&message, required)),
            Kind::String => with_length(self.string().as_bytes()),
            Kind::Bytes => {
                let bytes: Vec<u8> = (0..self.random.below(9)).map(|_| self.random.next() as u8).collect();
                with_length(&bytes)
            }
            Kind::Enum(enumeration) => {
                let values: Vec<i32> = enumeration.values().map(|value| value.number()).collect();
                varint(i64::from(values[self.random.below(values.len())]) as u64)
            }
            Kind::Bool => vec![u8::from(self.random.one_in(2))],
            Kind::Int32 => varint(self.integer() as i32 as i64 as u64),
            Kind::Uint32 => varint(u64::from(self.integer() as u32)),
            // JSON holds integers of 63 bits exactly.
            Kind::Uint64 if !self.wild => varint(self.integer() >> 1),
            Kind::Int64 | Kind::Uint64 => varint(self.integer()),
            Kind::Double => self.double().to_le_bytes().to_vec(),
            Kind::Float => (self.double() as f32).to_le_bytes().to_vec(),
            other => panic!("the contract has no {other:?}"),
        }
    }

    fn integer(&mut self) -> u64 {
        let shift = self.random.below(64);
        self.random.next() >> shift
    }

    fn double(&mut self) -> f64 {
        match self.random.below(8) {
            0 => 0.0,
            1 => -0.0,
            2 if self.wild => f64::INFINITY,
            3 => self.random.below(1000) as f64 / 1000.0,
            4 => 1e300,
            _ => (self.integer() as i64) as f64,
        }
    }

    fn string(&mut self) -> String {
        const PIECES: &[&str] = &["a", "role", "/", "é", "😀", "\"", "\\", "\n", "\u{1}", " ", "0"];
        (0..self.random.below(6)).map(|_| PIECES[self.random.below(PIECES.len())]).collect()
    }

    /// A field with a number that no message of the contract uses.
    fn unknown(&mut self) -> Vec<u8> {
        let number = 20_000 + self.random.below(3) as u32;
        let value = match self.random.below(5) {
            0 => (0, varint(self.integer())),
            1 => (1, vec![7; 8]),
            2 => (2, with_length(b"unknown")),
            3 => (3, [tag(5, 0), varint(9), tag(number, 4)].concat()),
            _ => (5, vec![7; 4]),
        };
        [tag(number, value.0), value.1].concat()
    }
}

pub fn tag(number: u32, wire: u32) -> Vec<u8> {
    varint(u64::from(number << 3 | wire))
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let last = value < 0x80;
        out.push((value & 0x7f) as u8 | if last { 0 } else { 0x80 });
        if last {
            return out;
        }
        value >>= 7;
    }
}

pub fn with_length(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() as u64), bytes.to_vec()].concat()
}
