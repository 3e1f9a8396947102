// SPDX-License-Identifier: Apache-2.0

//! One place at which an answer is not the recorded one.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: `status`, `header:Allow`, `body`, or from `$` down into JSON: `$.slaves[0].id`.
    pub path: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Missing(String),
    Extra(String),
    Other { recorded: String, found: String },
}

impl Difference {
    pub fn missing(path: &str, recorded: impl fmt::Display) -> Difference {
        Difference { path: path.to_owned(), what: What::Missing(short(recorded)) }
    }

    pub fn extra(path: &str, found: impl fmt::Display) -> Difference {
        Difference { path: path.to_owned(), what: What::Extra(short(found)) }
    }

    pub fn other(path: &str, recorded: impl fmt::Display, found: impl fmt::Display) -> Difference {
        let what = What::Other { recorded: short(recorded), found: short(found) };
        Difference { path: path.to_owned(), what }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.what {
            What::Missing(recorded) => write!(f, "{path}: missing, recorded {recorded}"),
            What::Extra(found) => write!(f, "{path}: not recorded, found {found}"),
            What::Other { recorded, found } => write!(f, "{path}: recorded {recorded}, found {found}"),
        }
    }
}

/// Bound: so much of a value is printed.
const SHOWN: usize = 160;

fn short(value: impl fmt::Display) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
