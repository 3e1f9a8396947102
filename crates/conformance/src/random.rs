// SPDX-License-Identifier: Apache-2.0

//! Ids that nobody else has.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};

/// The bytes of a UUID of version 4. Mesos refuses others, also where the contract says no more than "bytes".
pub fn uuid_bytes() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("no random numbers")?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(bytes)
}

pub fn uuid() -> Result<String> {
    let digits = format!("{:032x}", u128::from_be_bytes(uuid_bytes()?));
    let part = |from: usize, to: usize| &digits[from..to];
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_uuid_is_of_version_four() {
        let (one, other) = (super::uuid().unwrap(), super::uuid().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
