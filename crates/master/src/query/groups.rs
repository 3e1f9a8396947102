// SPDX-License-Identifier: Apache-2.0

//! The rows that belong to each framework.

use super::sums::at;
use crate::state::history::Past;
use crate::state::{Executor, FrameworkRow, InverseOffer, Offer, Tables, Task};
use crate::view::View;

/// The rows by framework, in the order of the tables.
#[derive(Default)]
pub(super) struct Groups<'a> {
    frameworks: Vec<Group<'a>>,
}

/// What one framework has.
#[derive(Default)]
pub(super) struct Group<'a> {
    pub tasks: Vec<&'a Task>,
    pub executors: Vec<&'a Executor>,
    pub offers: Vec<&'a Offer>,
    pub inverse_offers: Vec<&'a InverseOffer>,
}

static EMPTY: Group<'static> =
    Group { tasks: Vec::new(), executors: Vec::new(), offers: Vec::new(), inverse_offers: Vec::new() };

impl<'a> Groups<'a> {
    pub fn of(tables: &'a Tables) -> Groups<'a> {
        let mut groups = Groups::without_tasks(tables);
        for task in tables.tasks.values() {
            at(&mut groups.frameworks, task.framework).tasks.push(task);
        }
        groups
    }

    pub fn without_tasks(tables: &'a Tables) -> Groups<'a> {
        let mut groups = Groups::default();
        for executor in tables.executors.values() {
            at(&mut groups.frameworks, executor.framework).executors.push(executor);
        }
        for offer in tables.offers.values() {
            at(&mut groups.frameworks, offer.framework).offers.push(offer);
        }
        for offer in tables.inverse_offers.values() {
            at(&mut groups.frameworks, offer.framework).inverse_offers.push(offer);
        }
        groups
    }

    pub fn framework(&self, row: FrameworkRow) -> &Group<'a> {
        self.frameworks.get(row.number()).unwrap_or(&EMPTY)
    }

    /// What a framework has that is gone.
    pub fn none() -> &'static Group<'static> {
        &EMPTY
    }
}

/// The ended and unreachable tasks of all frameworks, of those that are gone too.
pub(super) fn pasts(view: &View) -> impl Iterator<Item = &Past> {
    let registered = view.tables.frameworks.values().map(|framework| &framework.id);
    let gone = view.tables.history.frameworks().map(|completed| &completed.framework.id);
    registered.chain(gone).filter_map(|id| view.tables.history.of(id))
}
