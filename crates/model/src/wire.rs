// SPDX-License-Identifier: Apache-2.0

//! Turns values of the model into wire messages, with the way back.

mod disk;
mod scalars;

pub(crate) use disk::from_wire as disk_from_wire;
pub(crate) use scalars::ranges_to_wire;

use crate::resource::labels::{Label, Labels};
use crate::resource_validity::{InvalidResource, ResourceProblem, validate};
use crate::{
    Range, Reservation, ReservationKind, Resource, ResourceName, Resources, Role, Scalar, Value, format,
};
use kaon_api::v1;
use std::sync::Arc;

impl Resource {
    /// Checks a resource by the rules of Mesos and takes it over, in whichever of the three formats it is.
    ///
    /// Fields that this version does not know are dropped: they cannot take part in sums.
    pub fn from_wire(wire: &v1::Resource) -> Result<Resource, ResourceProblem> {
        validate(wire)?;
        let allocation = wire.allocation_info.as_ref().and_then(|info| info.role.as_deref());
        Ok(Resource {
            name: ResourceName::from(wire.name.as_str()),
            value: value_from_wire(wire),
            reservations: reservations_from_wire(wire)?,
            allocation_role: allocation.map(Role::new).transpose()?,
            revocable: wire.revocable.is_some(),
            shared: wire.shared.is_some(),
            disk: wire.disk.as_deref().map(|disk| disk::from_wire(disk).map(Box::new)).transpose()?,
            provider_id: wire.provider_id.as_ref().map(|id| id.value.as_str().into()),
        })
    }

    /// The message, in the form with a stack of reservations.
    pub fn to_wire(&self) -> v1::Resource {
        let mut wire = v1::Resource {
            provider_id: self.provider_id.as_ref().map(|id| v1::ResourceProviderID::from(id.as_str())),
            name: self.name.as_str().to_string(),
            reservations: self.reservations.iter().map(reservation_to_wire).collect(),
            disk: self.disk.as_deref().map(|disk| Box::new(disk::to_wire(disk))),
            revocable: self.revocable.then(Default::default),
            shared: self.shared.then(Default::default),
            ..Default::default()
        };
        if let Some(role) = &self.allocation_role {
            let role = Some(role.to_string());
            wire.allocation_info = Some(v1::resource::AllocationInfo { role, ..Default::default() });
        }
        value_to_wire(&self.value, &mut wire);
        wire
    }
}

impl Resources {
    /// Checks and takes over each resource. The error names the first bad one, as Mesos does.
    pub fn from_wire(wire: &[v1::Resource]) -> Result<Resources, InvalidResource> {
        let read = |one| Resource::from_wire(one).map_err(|problem| InvalidResource::new(one, problem));
        wire.iter().map(read).collect()
    }

    /// The messages, in the form with a stack of reservations; a shared resource once for each holder.
    pub fn to_wire(&self) -> Vec<v1::Resource> {
        self.repeated().map(Resource::to_wire).collect()
    }

    /// The messages for a peer without RESERVATION_REFINEMENT. Fails where a reservation is refined.
    pub fn to_wire_pre_refinement(&self) -> Result<Vec<v1::Resource>, format::RefinedReservation> {
        let mut wire = self.to_wire();
        format::downgrade_all(&mut wire)?;
        Ok(wire)
    }
}

fn value_from_wire(wire: &v1::Resource) -> Value {
    if let Some(scalar) = &wire.scalar {
        return Value::Scalar(Scalar::from_f64(scalar.value));
    }
    if let Some(set) = &wire.set {
        return Value::Set(set.item.iter().collect());
    }
    let ranges = wire.ranges.iter().flat_map(|ranges| &ranges.range);
    Value::Ranges(ranges.filter_map(|range| Range::new(range.begin, range.end)).collect())
}

fn value_to_wire(value: &Value, wire: &mut v1::Resource) {
    match value {
        Value::Scalar(amount) => {
            wire.r#type = v1::value::Type::Scalar;
            wire.scalar = Some(v1::value::Scalar { value: amount.to_f64(), ..Default::default() });
        }
        Value::Ranges(ranges) => {
            wire.r#type = v1::value::Type::Ranges;
            wire.ranges = Some(scalars::ranges_to_wire(ranges));
        }
        Value::Set(items) => {
            wire.r#type = v1::value::Type::Set;
            let item = items.iter().map(String::from).collect();
            wire.set = Some(v1::value::Set { item, ..Default::default() });
        }
    }
}

fn reservations_from_wire(wire: &v1::Resource) -> Result<Vec<Reservation>, ResourceProblem> {
    let stacked = wire.reservations.iter().map(|entry| {
        let kind = match entry.r#type {
            Some(v1::resource::reservation_info::Type::Static) => ReservationKind::Static,
            _ => ReservationKind::Dynamic,
        };
        reservation(kind, entry.role.as_deref().unwrap_or_default(), Some(entry))
    });
    if !wire.reservations.is_empty() {
        return stacked.collect();
    }
    match (wire.role.as_deref().unwrap_or("*"), &wire.reservation) {
        ("*", _) => Ok(Vec::new()),
        (role, None) => Ok(vec![reservation(ReservationKind::Static, role, None)?]),
        (role, some) => Ok(vec![reservation(ReservationKind::Dynamic, role, some.as_ref())?]),
    }
}

fn reservation(
    kind: ReservationKind,
    role: &str,
    info: Option<&v1::resource::ReservationInfo>,
) -> Result<Reservation, ResourceProblem> {
    Ok(Reservation {
        kind,
        role: Role::new(role)?,
        principal: info.and_then(|info| info.principal.as_deref()).map(Arc::from),
        labels: info.and_then(|info| info.labels.as_ref()).map(Labels::from),
    })
}

fn reservation_to_wire(reservation: &Reservation) -> v1::resource::ReservationInfo {
    let kind = match reservation.kind {
        ReservationKind::Static => v1::resource::reservation_info::Type::Static,
        ReservationKind::Dynamic => v1::resource::reservation_info::Type::Dynamic,
    };
    v1::resource::ReservationInfo {
        r#type: Some(kind),
        role: Some(reservation.role.to_string()),
        principal: reservation.principal.as_deref().map(String::from),
        labels: reservation.labels.as_ref().map(v1::Labels::from),
        ..Default::default()
    }
}

impl From<&v1::Labels> for Labels {
    fn from(wire: &v1::Labels) -> Labels {
        Labels(wire.labels.iter().map(|l| Label { key: l.key.clone(), value: l.value.clone() }).collect())
    }
}

impl From<&Labels> for v1::Labels {
    fn from(labels: &Labels) -> v1::Labels {
        let one = |l: &Label| v1::Label { key: l.key.clone(), value: l.value.clone(), ..Default::default() };
        v1::Labels { labels: labels.0.iter().map(one).collect(), ..Default::default() }
    }
}
