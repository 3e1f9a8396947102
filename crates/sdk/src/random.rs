// SPDX-License-Identifier: Apache-2.0

//! Randomness for jitter, where no secret depends on it.

use std::hash::{BuildHasher, RandomState};

/// A number keyed by the operating system's randomness: unique enough for ids, not meant for secrets.
pub(crate) fn number() -> u64 {
    RandomState::new().hash_one(0_u8)
}

/// A version 4 UUID.
pub(crate) fn uuid() -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number().to_le_bytes());
    bytes[8..].copy_from_slice(&number().to_le_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}
