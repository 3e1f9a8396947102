// SPDX-License-Identifier: Apache-2.0

//! The last that operators did.

use kaon_api::internal::{self, KaonAudit};

use super::Registry;

/// Bound: actions that are remembered.
const MAX: usize = 1_000;

impl Registry {
    /// Oldest first.
    pub fn audit(&self) -> &[KaonAudit] {
        &self.rest.kaon_audit
    }
}

/// Adds one, and forgets the oldest beyond the bound.
pub(super) fn add(rest: &mut internal::Registry, action: &KaonAudit) {
    rest.kaon_audit.push(action.clone());
    let beyond = rest.kaon_audit.len().saturating_sub(MAX);
    rest.kaon_audit.drain(..beyond);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_are_remembered() {
        let mut rest = internal::Registry::default();
        for number in 0..MAX + 3 {
            add(&mut rest, &KaonAudit { action: number.to_string(), ..Default::default() });
        }
        assert_eq!(rest.kaon_audit.len(), MAX);
        assert_eq!(rest.kaon_audit[0].action, "3");
    }
}
