// SPDX-License-Identifier: Apache-2.0

//! The moods in which a framework reserves, makes volumes, and gives both back.

use kaon_api::v1::offer::Operation;
use kaon_api::v1::offer::operation::{Create, Destroy, GrowVolume, Reserve, Type, Unreserve};
use kaon_api::v1::resource::reservation_info::Type as Kind;
use kaon_api::v1::resource::{DiskInfo, ReservationInfo, disk_info};
use kaon_api::v1::scheduler::{Call, call};
use kaon_api::v1::{self, OperationState};
use kaon_model::Entropy;

use super::Scheduler;
use crate::report::{Broken, Counts};

/// What is reserved at once, and what a volume holds, in MB.
const DISK: f64 = 40.0;
const CPUS: f64 = 0.1;

impl Scheduler {
    /// Operations on what is offered, in an order in which each can follow those before it. What they leave of the
    /// unreserved resources is what can be launched on.
    pub(super) fn operations(
        &mut self,
        rng: &mut Entropy,
        offer: &mut v1::Offer,
        counts: &mut Counts,
    ) -> Vec<Operation> {
        if !self.profile.reserving {
            return Vec::new();
        }
        let mut orders = Vec::new();
        for resource in offer.resources.clone() {
            let own =
                resource.reservations.last().and_then(|top| top.role.as_deref()) == Some(&self.profile.role);
            let volume = resource.disk.as_ref().is_some_and(|disk| disk.persistence.is_some());
            let give_back = self.closing || rng.chance(0.3);
            match (own, volume) {
                (true, true) if give_back => orders.extend(self.unmake(resource, counts)),
                (true, false) if give_back => orders.push(self.unreserve(resource, counts)),
                (true, false) if resource.name == "disk" && rng.chance(0.5) => {
                    orders.push(self.create(&resource, counts));
                }
                (true, true) if rng.chance(0.2) => orders.extend(self.grow(&resource, offer, counts)),
                _ => {}
            }
        }
        if !self.closing && self.profile.role != "*" && rng.chance(0.3) {
            orders.extend(self.reserve(offer, counts));
        }
        for order in &mut orders {
            if rng.chance(0.5) {
                self.operations += 1;
                order.id = Some(format!("{}-operation-{}", self.name, self.operations).into());
            }
        }
        orders
    }

    /// A share of the unreserved cpus and disk.
    fn reserve(&self, offer: &mut v1::Offer, counts: &mut Counts) -> Option<Operation> {
        let mut resources = Vec::new();
        for (name, wanted) in [("disk", DISK), ("cpus", CPUS)] {
            let free =
                offer.resources.iter_mut().find(|one| one.name == name && one.reservations.is_empty())?;
            let scalar = free.scalar.as_mut().filter(|scalar| scalar.value > wanted)?;
            scalar.value = ((scalar.value - wanted) * 1000.0).round() / 1000.0;
            let entry = ReservationInfo {
                r#type: Some(Kind::Dynamic),
                role: Some(self.profile.role.clone()),
                ..Default::default()
            };
            let mut reserved = sized(free, wanted);
            reserved.reservations.push(entry);
            resources.push(reserved);
        }
        counts.add("operation RESERVE");
        let own = Reserve { resources, ..Default::default() };
        Some(Operation { reserve: Some(own), ..of(Type::Reserve) })
    }

    fn unreserve(&self, resource: v1::Resource, counts: &mut Counts) -> Operation {
        counts.add("operation UNRESERVE");
        let own = Unreserve { resources: vec![resource], ..Default::default() };
        Operation { unreserve: Some(own), ..of(Type::Unreserve) }
    }

    fn create(&mut self, disk: &v1::Resource, counts: &mut Counts) -> Operation {
        counts.add("operation CREATE");
        self.operations += 1;
        let id = format!("{}-volume-{}", self.name, self.operations);
        let place =
            v1::Volume { container_path: id.clone(), mode: v1::volume::Mode::Rw, ..Default::default() };
        let info = DiskInfo {
            persistence: Some(disk_info::Persistence { id, ..Default::default() }),
            volume: Some(place),
            ..Default::default()
        };
        let volume = v1::Resource { disk: Some(Box::new(info)), ..sized(disk, DISK) };
        let own = Create { volumes: vec![volume], ..Default::default() };
        Operation { create: Some(own), ..of(Type::Create) }
    }

    /// The volume is destroyed, and what it was made of is reserved no more.
    fn unmake(&self, volume: v1::Resource, counts: &mut Counts) -> Vec<Operation> {
        counts.add("operation DESTROY");
        let plain = v1::Resource { disk: None, ..volume.clone() };
        let own = Destroy { volumes: vec![volume], ..Default::default() };
        let destroy = Operation { destroy: Some(own), ..of(Type::Destroy) };
        vec![destroy, self.unreserve(plain, counts)]
    }

    fn grow(&self, volume: &v1::Resource, offer: &v1::Offer, counts: &mut Counts) -> Option<Operation> {
        let like = |one: &&v1::Resource| {
            one.name == "disk" && one.disk.is_none() && one.reservations == volume.reservations
        };
        let addition = sized(offer.resources.iter().find(like)?, 1.0);
        counts.add("operation GROW_VOLUME");
        let own = GrowVolume {
            volume: Box::new(volume.clone()),
            addition: Box::new(addition),
            ..Default::default()
        };
        Some(Operation { grow_volume: Some(own), ..of(Type::GrowVolume) })
    }

    /// What became of an operation; only those with an id are told of.
    pub(super) fn on_operation(
        &mut self,
        status: &v1::OperationStatus,
        counts: &mut Counts,
    ) -> Result<Option<Call>, Broken> {
        counts.add(match status.state {
            OperationState::OperationFinished => "operation FINISHED",
            OperationState::OperationDropped => "operation DROPPED",
            OperationState::OperationError => "operation ERROR",
            OperationState::OperationUnreachable => "operation UNREACHABLE",
            _ => "operation in another state",
        });
        let Some(id) = &status.operation_id else {
            let what = format!("{} was told of an operation without an id", self.name);
            return Err(Broken { law: "operations are told by their ids", what });
        };
        let Some(uuid) = &status.uuid else { return Ok(None) };
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id: status.agent_id.clone(),
            uuid: uuid.value.clone(),
            operation_id: id.clone(),
            ..Default::default()
        };
        Ok(Some(Call {
            acknowledge_operation_status: Some(Box::new(acknowledge)),
            ..self.call(call::Type::AcknowledgeOperationStatus)
        }))
    }

    /// Volumes of its own that a task may use.
    pub(super) fn volumes(&self, offer: &v1::Offer) -> Vec<v1::Resource> {
        let own = |one: &&v1::Resource| one.disk.as_ref().is_some_and(|disk| disk.persistence.is_some());
        offer.resources.iter().filter(own).cloned().collect()
    }
}

fn of(kind: Type) -> Operation {
    Operation { r#type: Some(kind), ..Default::default() }
}

fn sized(resource: &v1::Resource, value: f64) -> v1::Resource {
    let scalar = Some(v1::value::Scalar { value, ..Default::default() });
    v1::Resource { scalar, ..resource.clone() }
}
