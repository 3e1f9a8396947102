// SPDX-License-Identifier: Apache-2.0

//! Operations that turn resources into others: of a holding, or of what is free.

use super::{Ledger, Refusal};
use crate::books::{Account, AgentAt, Key, Posting};
use crate::ledger::Holding;
use kaon_model::{AgentId, Conversion, Resources};
use std::sync::Arc;

impl Ledger {
    /// Takes steps on what is held, and thereby on the agent's total. What comes of them can be taken next if
    /// `usable`; else it only comes back when the holding is closed.
    ///
    /// After a refusal everything is as before. Steps are charged to nobody.
    pub fn convert(
        &mut self,
        holding: &mut Holding,
        steps: &[Conversion],
        usable: bool,
    ) -> Result<(), Refusal> {
        let (rest, aside) = if usable {
            (holding.rest.apply(steps)?, holding.aside.clone())
        } else {
            set_aside(holding, steps)?
        };
        let total = self.books.agents[holding.at.0].shape().total.apply(steps)?;
        self.unheld_elsewhere(holding.at, steps, Some(&holding.key()))?;
        // Between what was held and what is, the seat would be empty, and an empty seat is taken away.
        self.pin(holding.seat, 1);
        self.unpost(holding.at, &holding.key());
        self.set_total(&holding.agent, total)?;
        holding.offered.get_or_insert_with(|| holding.rest.clone());
        (holding.rest, holding.aside, holding.unused) = (rest, aside, false);
        let resources = Arc::new(&holding.rest + &holding.aside);
        let posting = Posting { seat: holding.seat, account: Account::Offered, resources };
        self.post(holding.at, holding.key(), posting);
        self.pin(holding.seat, -1);
        Ok(())
    }

    /// Takes steps on what is free.
    pub fn convert_free(&mut self, agent: &AgentId, steps: &[Conversion]) -> Result<(), Refusal> {
        let at = self.agent_at(agent)?;
        let book = &self.books.agents[at.0];
        book.free().apply(steps)?;
        let total = book.shape().total.apply(steps)?;
        self.unheld_elsewhere(at, steps, None)?;
        self.set_total(agent, total)
    }

    fn set_total(&mut self, agent: &AgentId, total: Resources) -> Result<(), Refusal> {
        let at = self.agent_at(agent)?;
        let mut shape = self.books.agents[at.0].shape().clone();
        shape.total = total;
        self.update_agent(agent, shape)
    }

    /// A shared volume is free whoever holds it, so that it must be looked for with its holders before it goes.
    fn unheld_elsewhere(&self, at: AgentAt, steps: &[Conversion], own: Option<&Key>) -> Result<(), Refusal> {
        let shared: Resources =
            steps.iter().map(|step| step.consumed.shared()).fold(Resources::new(), |mut all, part| {
                all += &part;
                all
            });
        if shared.is_empty() {
            return Ok(());
        }
        let book = &self.books.agents[at.0];
        let others = book.postings.iter().filter(|(key, _)| Some(*key) != own);
        let holds = |posting: &Posting| shared.iter().any(|volume| posting.resources.contains(volume));
        if others.into_iter().any(|(_, posting)| holds(posting)) {
            let (agent, free) = (book.id().clone(), book.free().clone());
            return Err(Refusal::NotFree { agent, wanted: shared, free });
        }
        Ok(())
    }
}

/// What is left of the holding's rest, with what lies beside it then.
fn set_aside(holding: &Holding, steps: &[Conversion]) -> Result<(Resources, Resources), Refusal> {
    let (mut rest, mut aside) = (holding.rest.clone(), holding.aside.clone());
    for step in steps {
        // Whether it can be taken at all is told in the words of the step.
        step.apply(&rest)?;
        rest -= &step.consumed;
        aside += &step.converted;
    }
    Ok((rest, aside))
}
