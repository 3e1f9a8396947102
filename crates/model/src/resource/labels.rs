// SPDX-License-Identifier: Apache-2.0

//! Labels: free-form notes that are part of what a reservation or disk is.

use std::cmp::Ordering;
use std::fmt;

/// One label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    pub key: String,
    pub value: Option<String>,
}

/// Labels in the order in which they were given. Mesos: two lists are equal when one is a permutation of the other.
#[derive(Clone, Debug, Default)]
pub struct Labels(pub Vec<Label>);

impl Labels {
    fn sorted(&self) -> Vec<&Label> {
        let mut labels: Vec<&Label> = self.0.iter().collect();
        labels.sort_unstable();
        labels
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Labels) -> Ordering {
        if self.0 == other.0 { Ordering::Equal } else { self.sorted().cmp(&other.sorted()) }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Labels) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Labels) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Labels {}

/// Mesos: `{key: value, bare}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, label) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}", label.key)?;
            if let Some(value) = &label.value {
                write!(f, ": {value}")?;
            }
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_means_nothing() {
        let label = |key: &str, value: Option<&str>| Label { key: key.into(), value: value.map(Into::into) };
        let one = Labels(vec![label("b", Some("1")), label("a", None)]);
        let other = Labels(vec![label("a", None), label("b", Some("1"))]);
        assert_eq!(one, other);
        assert_ne!(one, Labels(vec![label("a", None)]));
        assert_eq!(one.to_string(), "{b: 1, a}");
    }
}
