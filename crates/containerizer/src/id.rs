// SPDX-License-Identifier: Apache-2.0

//! Names that may become one component of a path.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Bound: what Linux file systems accept as one name (NAME_MAX).
const LONGEST_NAME: usize = 255;

/// Why a name cannot be a directory's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} '{}' cannot name a directory: {reason}", .name.escape_debug())]
pub struct InvalidName {
    what: &'static str,
    name: String,
    reason: &'static str,
}

/// Checks that `name` is safe as one path component; `what` names it in the error.
///
/// Mesos: the rules of its ids (no separators, no control characters, not `.` or `..`), since ids become directories.
pub fn check_component(what: &'static str, name: &str) -> Result<(), InvalidName> {
    let reason = match name {
        "" => "it is empty",
        "." | ".." => "it means another directory",
        _ if name.len() > LONGEST_NAME => "it is longer than 255 bytes",
        _ if name.contains(['/', '\\']) => "it holds a path separator",
        _ if name.chars().any(char::is_control) => "it holds a control character",
        _ => return Ok(()),
    };
    Err(InvalidName { what, name: name.chars().take(LONGEST_NAME).collect(), reason })
}

/// The id of a container, known to be safe as a directory's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerId(String);

impl ContainerId {
    /// Takes `id` if it can name a directory.
    pub fn new(id: impl Into<String>) -> Result<ContainerId, InvalidName> {
        let id = id.into();
        check_component("the container id", &id)?;
        Ok(ContainerId(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ContainerId {
    type Error = InvalidName;
    fn try_from(id: String) -> Result<ContainerId, InvalidName> {
        ContainerId::new(id)
    }
}

impl From<ContainerId> for String {
    fn from(id: ContainerId) -> String {
        id.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_one_component_are_ids() {
        for good in ["a", "8a1c-77", "with space", "ünïcode", "a.b", "...", &"x".repeat(255)] {
            assert!(ContainerId::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "/", "a\\b", "a\nb", "a\0", &"x".repeat(256)] {
            assert!(ContainerId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_from_a_file_is_checked_too() {
        assert!(serde_json::from_str::<ContainerId>("\"../etc\"").is_err());
    }
}
