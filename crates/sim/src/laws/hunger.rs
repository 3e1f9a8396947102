// SPDX-License-Identifier: Apache-2.0

//! Guarantees met, and nobody starves, while all are hungry.

use std::collections::BTreeMap;
use std::time::Duration;

use kaon_model::Mono;

use crate::division::books::{Books, is_within};
use crate::report::Broken;

/// The longest that a role may lack what it is promised: longer than the longest task, which must end first.
const LACKING_MAX: Duration = Duration::from_secs(15);

/// The longest that somebody may be offered nothing.
const STARVING_MAX: Duration = Duration::from_secs(25);

/// Less than this is not worth an offer, so it may be lacking for ever.
const WORTH_OFFERING: (i64, i64) = (10, 32_000);

#[derive(Debug, Default)]
pub struct Hunger {
    since: Option<Mono>,
    lacking: BTreeMap<String, Mono>,
    fed: BTreeMap<String, Mono>,
}

impl Hunger {
    /// A framework in this role was offered something.
    pub fn fed(&mut self, role: &str, now: Mono) {
        self.fed.insert(role.to_owned(), now);
    }

    /// To be called each second from when all are hungry.
    pub fn sample<'a>(
        &mut self,
        now: Mono,
        books: &Books,
        hungry: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<Broken> {
        let since = *self.since.get_or_insert(now);
        for (role, _) in books.quotas() {
            let lacking = books.lacking(role);
            let lacks = lacking.cpus >= WORTH_OFFERING.0 || lacking.mem >= WORTH_OFFERING.1;
            if !lacks || !hungry.clone().any(|own| is_within(own, role)) {
                self.lacking.remove(role);
                continue;
            }
            let first = *self.lacking.entry(role.to_owned()).or_insert(now);
            if now.since(first) > LACKING_MAX {
                let what = format!("{role} lacks {lacking:?} for {:?}", now.since(first));
                return Some(Broken { law: "guarantees met", what });
            }
        }
        for role in hungry {
            let last = self.fed.get(role).copied().unwrap_or(since).max(since);
            if now.since(last) > STARVING_MAX {
                let what = format!("{role} was offered nothing for {:?}", now.since(last));
                return Some(Broken { law: "nobody starves", what });
            }
        }
        None
    }
}
