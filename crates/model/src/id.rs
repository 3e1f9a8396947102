// SPDX-License-Identifier: Apache-2.0

//! The names that tasks, frameworks, agents and their like go by.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Bound: the longest id accepted, in bytes; Mesos makes folder names of ids, and 255 is a file system's limit.
pub const MAX_ID_BYTES: usize = 255;

/// Why a text is no id. Texts as Mesos writes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("ID must not be empty")]
    Empty,
    #[error("ID must not be greater than {MAX_ID_BYTES} characters")]
    TooLong,
    #[error("'{0}' is disallowed")]
    Dots(String),
    #[error("'{0}' contains invalid characters")]
    InvalidCharacters(String),
}

/// The rules for ids that come from outside: they become names of folders.
pub fn validate_id(id: &str) -> Result<(), IdError> {
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong);
    }
    if id == "." || id == ".." {
        return Err(IdError::Dots(id.to_string()));
    }
    if id.bytes().any(|byte| byte.is_ascii_control() || byte == b'/' || byte == b'\\') {
        return Err(IdError::InvalidCharacters(id.to_string()));
    }
    Ok(())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// Any text: whether it is well-formed is asked with [`validate_id`] where it comes in. Cloning is cheap.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(id: &str) -> $name {
                $name(Arc::from(id))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> $name {
                $name(Arc::from(id))
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> $name {
                $name(Arc::from(id))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )+};
}

ids! {
    /// A task, unique within its framework.
    TaskId;
    /// A framework, given by a master.
    FrameworkId;
    /// An agent, given by a master.
    AgentId;
    /// An executor, unique within its framework on one agent.
    ExecutorId;
    /// An offer, given by a master.
    OfferId;
    /// An inverse offer, given by a master.
    InverseOfferId;
    /// One container; nested ones are named by the path of their parents elsewhere.
    ContainerId;
    /// An operation, named by the framework that wants feedback on it.
    OperationId;
    /// A resource provider.
    ResourceProviderId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_with_the_texts_of_mesos() {
        let long = "x".repeat(256);
        for (id, text) in [
            ("", "ID must not be empty"),
            (long.as_str(), "ID must not be greater than 255 characters"),
            (".", "'.' is disallowed"),
            ("..", "'..' is disallowed"),
            ("a/b", "'a/b' contains invalid characters"),
            ("a\\b", "'a\\b' contains invalid characters"),
            ("a\nb", "'a\nb' contains invalid characters"),
            ("\x7f", "'\x7f' contains invalid characters"),
        ] {
            assert_eq!(validate_id(id).unwrap_err().to_string(), text);
        }
        for id in ["a", "...", "a b", "ü", &long[..255]] {
            assert_eq!(validate_id(id), Ok(()));
        }
    }

    #[test]
    fn finds_by_borrowed_text() {
        let tasks = std::collections::BTreeMap::from([(TaskId::from("t1"), 1)]);
        assert_eq!(tasks.get("t1"), Some(&1));
    }
}
