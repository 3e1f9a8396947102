// SPDX-License-Identifier: Apache-2.0

//! The emulated frameworks: what they answer to offers.

use std::time::Duration;

use kaon_api::v1;
use kaon_api::v1::scheduler::{Call, Event as Told, call, event};
use kaon_master::{Caller, Input, Stream, Ticket};

use super::{Division, Event};

#[derive(Debug)]
pub struct Framework {
    pub role: String,
    pub id: Option<String>,
    pub stream_id: Option<String>,
    tasks: u64,
}

impl Framework {
    pub fn new(role: &str) -> Framework {
        Framework { role: role.to_owned(), id: None, stream_id: None, tasks: 0 }
    }

    fn call(&self, kind: call::Type) -> Call {
        let framework_id = self.id.as_deref().map(Into::into);
        Call { framework_id, r#type: Some(kind), ..Default::default() }
    }
}

impl Division {
    pub(super) fn subscribe(&mut self, framework: usize) {
        let own = &self.frameworks[framework];
        use v1::framework_info::capability::Type::{MultiRole, ReservationRefinement};
        let capability = |kind| v1::framework_info::Capability { r#type: Some(kind), ..Default::default() };
        let info = v1::FrameworkInfo {
            user: "nobody".into(),
            name: format!("framework-{framework}"),
            roles: vec![own.role.clone()],
            capabilities: [MultiRole, ReservationRefinement].into_iter().map(capability).collect(),
            ..Default::default()
        };
        let subscribe = call::Subscribe { framework_info: Box::new(info), ..Default::default() };
        let call = Call { subscribe: Some(subscribe), ..own.call(call::Type::Subscribe) };
        // Streams are numbered as frameworks are, from 1.
        let stream = Stream(framework as u64 + 1);
        self.inputs.push_back(Input::Subscribe { stream, call: Box::new(call), caller: Caller::default() });
    }

    pub(super) fn framework_hears(&mut self, stream: u64, told: Told) {
        let framework = stream as usize - 1;
        match told.r#type.unwrap_or_default() {
            event::Type::Subscribed => {
                self.frameworks[framework].id =
                    told.subscribed.map(|subscribed| subscribed.framework_id.value);
            }
            event::Type::Offers => {
                for offer in told.offers.map(|offers| offers.offers).unwrap_or_default() {
                    self.books.offered(&offer);
                    self.hunger.fed(&self.frameworks[framework].role, self.now);
                    let think =
                        Duration::from_millis(1 + self.rng.below(if self.hungry { 20 } else { 2000 }));
                    self.after(think, Event::Offered { framework, offer: Box::new(offer) });
                }
            }
            event::Type::Rescind => {
                let id = told.rescind.map(|rescind| rescind.offer_id.value).unwrap_or_default();
                self.counts.add("division: offers taken back");
                self.books.offer_over(&id);
            }
            event::Type::Update => self.acknowledge(framework, told),
            _ => {}
        }
    }

    fn acknowledge(&mut self, framework: usize, told: Told) {
        let Some(status) = told.update.map(|update| update.status) else { return };
        let id = self.frameworks[framework].id.clone().unwrap_or_default();
        self.books.task_over(&id, &status.task_id.value);
        let (Some(uuid), Some(agent_id)) = (status.uuid.clone(), status.agent_id.clone()) else { return };
        let task_id = status.task_id.clone();
        let acknowledge = call::Acknowledge { agent_id, task_id, uuid, ..Default::default() };
        let call = self.frameworks[framework].call(call::Type::Acknowledge);
        self.tell(framework, Call { acknowledge: Some(acknowledge), ..call });
    }

    /// An offer is answered, if it is out still. Whoever is hungry takes all, or a half for now.
    pub(super) fn offered(&mut self, framework: usize, offer: v1::Offer) {
        if !self.books.is_out(&offer.id.value) {
            return;
        }
        let role = self.books.offer_over(&offer.id.value).unwrap_or_default();
        let refuse = if self.hungry {
            Some(1.0)
        } else {
            [None, Some(0.0), Some(2.0), Some(8.0)][self.rng.below(4) as usize]
        };
        let filters = refuse.map(|secs| v1::Filters { refuse_seconds: Some(secs), ..Default::default() });
        if !self.hungry && self.rng.chance(0.4) {
            self.counts.add("division: offers declined");
            let decline = call::Decline { offer_ids: vec![offer.id], filters, ..Default::default() };
            let call = self.frameworks[framework].call(call::Type::Decline);
            return self.tell(framework, Call { decline: Some(decline), ..call });
        }
        self.counts.add("division: offers accepted");
        let task = self.task(framework, &offer);
        let id = self.frameworks[framework].id.clone().unwrap_or_default();
        self.books.launched(&id, &role, &task);
        let launch = v1::offer::operation::Launch { task_infos: vec![task], ..Default::default() };
        let operation = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch),
            launch: Some(launch),
            ..Default::default()
        };
        let accept = call::Accept {
            offer_ids: vec![offer.id],
            operations: vec![operation],
            filters,
            ..Default::default()
        };
        let call = self.frameworks[framework].call(call::Type::Accept);
        self.tell(framework, Call { accept: Some(accept), ..call });
    }

    fn task(&mut self, framework: usize, offer: &v1::Offer) -> v1::TaskInfo {
        let half = self.rng.chance(0.1);
        let own = &mut self.frameworks[framework];
        own.tasks += 1;
        let name = format!("t{framework}-{}", own.tasks);
        v1::TaskInfo {
            name: name.clone(),
            task_id: name.into(),
            agent_id: offer.agent_id.clone(),
            resources: offer.resources.iter().map(|resource| part(resource, half)).collect(),
            command: Some(Box::new(v1::CommandInfo { value: Some("true".into()), ..Default::default() })),
            ..Default::default()
        }
    }

    pub(super) fn suppress(&mut self) {
        let framework = self.rng.below(self.frameworks.len() as u64) as usize;
        self.counts.add("division: suppressed");
        let call = self.frameworks[framework].call(call::Type::Suppress);
        self.tell(framework, call);
    }

    pub(super) fn revive(&mut self) {
        let framework = self.rng.below(self.frameworks.len() as u64) as usize;
        self.revive_one(framework);
    }

    pub(super) fn revive_one(&mut self, framework: usize) {
        self.counts.add("division: revived");
        let call = self.frameworks[framework].call(call::Type::Revive);
        self.tell(framework, call);
    }

    fn tell(&mut self, framework: usize, call: Call) {
        let stream_id = self.frameworks[framework].stream_id.clone();
        let (ticket, call) = (Ticket(0), Box::new(call));
        self.inputs.push_back(Input::Call { ticket, stream_id, call, caller: Caller::default() });
    }
}

/// All of it, or the greater half in whole units.
fn part(resource: &v1::Resource, half: bool) -> v1::Resource {
    let mut part = resource.clone();
    if let Some(scalar) = part.scalar.as_mut().filter(|scalar| half && scalar.value >= 2.0) {
        scalar.value = (scalar.value / 2.0).ceil();
    }
    part
}
