// SPDX-License-Identifier: Apache-2.0

//! Names with the secrets that prove them.

use std::collections::BTreeMap;
use std::fmt;

/// A text that must not be seen: printing it shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Secret {
        Secret(bytes.into())
    }

    /// The secret itself, for those who prove or check it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Secrets by principal.
pub type Credentials = BTreeMap<String, Secret>;

/// Who one is, with the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub principal: String,
    pub secret: Secret,
}
