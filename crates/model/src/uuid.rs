// SPDX-License-Identifier: Apache-2.0

//! Sixteen-byte identifiers of status updates, operations, resource versions and streams.

use std::fmt;

/// A UUID. On the wire it is either its 16 bytes or its text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

/// Names the thing that was no UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid UUID '{0}': expected 16 bytes, or text such as 2658ead6-ede8-4fe0-9426-2eadc6b3f251")]
pub struct UuidError(String);

impl Uuid {
    /// The version 4 (random) UUID made of these random bytes.
    pub fn from_random(mut bytes: [u8; 16]) -> Uuid {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid(bytes)
    }

    /// Any 16 bytes, as found on the wire.
    pub fn from_bytes(bytes: &[u8]) -> Result<Uuid, UuidError> {
        let printable = || UuidError(bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect());
        bytes.try_into().map(Uuid).map_err(|_| printable())
    }

    pub fn parse(text: &str) -> Result<Uuid, UuidError> {
        let wrong = || UuidError(text.chars().take(64).collect());
        let dashes = [8, 13, 18, 23];
        let raw = text.as_bytes();
        if raw.len() != 36 || dashes.iter().any(|&at| raw[at] != b'-') {
            return Err(wrong());
        }
        let mut digits = raw.iter().enumerate().filter(|(at, _)| !dashes.contains(at)).map(|(_, byte)| *byte);
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            let mut digit = || digits.next().and_then(|d| (d as char).to_digit(16)).ok_or_else(wrong);
            *byte = (digit()? << 4 | digit()?) as u8;
        }
        Ok(Uuid(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_uuid() {
        assert!(Uuid::from_bytes(&[0; 15]).is_err());
        for text in ["", "2658ead6ede84fe094262eadc6b3f251", "2658ead6-ede8-4fe0-9426-2eadc6b3f25g", "ü"] {
            assert!(Uuid::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn random_ones_say_their_version() {
        assert_eq!(Uuid::from_random([0xff; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    proptest! {
        #[test]
        fn survives_its_text(bytes: [u8; 16]) {
            let uuid = Uuid::from_bytes(&bytes).unwrap();
            prop_assert_eq!(Uuid::parse(&uuid.to_string()), Ok(uuid));
            prop_assert_eq!(Uuid::from_bytes(uuid.as_bytes()), Ok(uuid));
        }
    }
}
