// SPDX-License-Identifier: Apache-2.0

//! How a message stands in a file: its length in four bytes, little-endian, then itself.

use kaon_api::wire::{Message, WireError};

/// Bound: the longest record believed; anything longer is damage, not data.
const MAX_RECORD: usize = 64 << 20;

/// One record.
pub(crate) fn encode<M: Message>(message: &M) -> Vec<u8> {
    let body = message.encode();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(body.len() + 4);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// It ends in the middle of a record, which begins here.
    Torn { offset: usize },
    /// The record that begins here is whole but is no such message.
    Corrupt { offset: usize, error: WireError },
}

impl Damage {
    pub fn offset(&self) -> usize {
        match self {
            Damage::Torn { offset } | Damage::Corrupt { offset, .. } => *offset,
        }
    }
}

/// Reads the first record.
pub(crate) fn decode_one<M: Message>(bytes: &[u8]) -> Result<M, Damage> {
    let mut all = decode_all::<M>(bytes);
    match (all.0.pop(), all.1) {
        (_, Some(damage)) => Err(damage),
        (Some(message), None) => Ok(message),
        (None, None) => Err(Damage::Torn { offset: 0 }),
    }
}

/// Reads all records up to the end or to the first damage.
///
/// Of a record that was being written when the power went, a first part is there. Where a record ends beyond the file and
/// what is there of it is no such part, its length is not what was written, and whole records may follow.
pub(crate) fn decode_all<M: Message>(bytes: &[u8]) -> (Vec<M>, Option<Damage>) {
    let mut messages = Vec::new();
    let mut offset = 0;
    while offset < bytes.len() {
        let torn = Some(Damage::Torn { offset });
        let Some(header) = bytes.get(offset..offset + 4) else { return (messages, torn) };
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let rest = &bytes[offset + 4..];
        let body = rest.get(..length).filter(|_| length <= MAX_RECORD);
        match (body, M::decode(body.unwrap_or(rest))) {
            (Some(_), Ok(message)) => messages.push(message),
            (None, Ok(_) | Err(WireError::Truncated | WireError::MissingRequired(_))) => {
                return (messages, torn);
            }
            (_, Err(error)) => return (messages, Some(Damage::Corrupt { offset, error })),
        }
        offset += 4 + length;
    }
    (messages, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaon_api::internal::{StatusUpdateRecord, status_update_record};
    use kaon_api::v1;

    #[test]
    fn records_are_cut_where_they_are_torn() {
        let ids = ["a", "bcd", ""].map(v1::TaskID::from);
        let bytes: Vec<u8> = ids.iter().flat_map(encode).collect();
        let ends = [0, 4 + 3, 4 + 3 + 4 + 5, bytes.len()];
        for cut in 0..=bytes.len() {
            let (read, damage) = decode_all::<v1::TaskID>(&bytes[..cut]);
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(read, ids[..whole], "{cut}");
            let torn = (!ends.contains(&cut)).then_some(Damage::Torn { offset: ends[whole] });
            assert_eq!(damage, torn, "{cut}");
        }
    }

    #[test]
    fn a_length_with_a_wrong_bit_does_not_cost_what_follows() {
        let update = StatusUpdateRecord {
            r#type: status_update_record::Type::Ack,
            uuid: Some(vec![7; 16]),
            ..Default::default()
        };
        let one = encode(&update);
        let bytes = one.repeat(3);
        for bit in 0..32 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (read, damage) = decode_all::<StatusUpdateRecord>(&bytes);
            assert!(read.is_empty(), "{bit}: {read:?}");
            assert!(matches!(damage, Some(Damage::Corrupt { offset: 0, .. })), "{bit}: {damage:?}");
        }
    }

    #[test]
    fn a_record_that_is_no_message_is_corrupt() {
        let mut bytes = encode(&v1::TaskID::from("a"));
        bytes.extend_from_slice(&[1, 0, 0, 0, 0xff]);
        let (read, damage) = decode_all::<v1::TaskID>(&bytes);
        assert_eq!(read.len(), 1);
        assert!(matches!(damage, Some(Damage::Corrupt { offset: 7, .. })));
    }
}
