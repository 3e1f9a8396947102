// SPDX-License-Identifier: Apache-2.0

//! The members of a JSON object.
//!
//! They stand in a list, not in a tree: a leaf of a tree has room for eleven, and most objects have one or two, so a text
//! would take eighty times its length.

use super::Json;

/// Ordered by key; each key once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members(Vec<(String, Json)>);

impl Members {
    pub fn get(&self, key: &str) -> Option<&Json> {
        let found = self.0.binary_search_by(|(name, _)| name.as_str().cmp(key));
        found.ok().map(|at| &self.0[at].1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Json)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Keeps those of which this is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Json) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
    }
}

/// The last of equal keys wins.
impl From<Vec<(String, Json)>> for Members {
    fn from(mut members: Vec<(String, Json)>) -> Members {
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        members.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        members.shrink_to_fit();
        Members(members)
    }
}

impl Extend<(String, Json)> for Members {
    fn extend<T: IntoIterator<Item = (String, Json)>>(&mut self, more: T) {
        let mut members = std::mem::take(&mut self.0);
        members.extend(more);
        *self = Members::from(members);
    }
}

impl IntoIterator for Members {
    type Item = (String, Json);
    type IntoIter = std::vec::IntoIter<(String, Json)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
