// SPDX-License-Identifier: Apache-2.0

//! Limits never exceeded, and nothing that is promised given to others.

use super::exclusive::Amount;
use crate::division::books::{Books, Held, Surplus, is_within};
use crate::report::Broken;

/// Judges offers that were just made; `before` is how it was without them.
pub fn judge(before: &Surplus, books: &Books, offers: &[Held]) -> Option<Broken> {
    for (role, quota) in books.quotas() {
        let consumed = books.consumed(role);
        let own = offers.iter().filter(|held| is_within(&held.role, role)).map(|held| held.open);
        let own = own.fold(Amount::default(), Amount::plus);
        let beyond =
            |own: i64, consumed: i64, most: Option<i64>| own > 0 && most.is_some_and(|most| consumed > most);
        if beyond(own.cpus, consumed.cpus, quota.cpus) || beyond(own.mem, consumed.mem, quota.mem) {
            let what = format!("{role} was offered {own:?}, which makes {consumed:?} of {quota:?}");
            return Some(Broken { law: "limits never exceeded", what });
        }
    }
    let after = books.surplus();
    let worse = |before: i64, after: i64| after < before.min(0);
    if worse(before.0.cpus, after.cpus) || worse(before.0.mem, after.mem) {
        let what =
            format!("beside what is promised {:?} was left, and is {after:?} after {offers:?}", before.0);
        return Some(Broken { law: "what is promised is kept", what });
    }
    None
}
