// SPDX-License-Identifier: Apache-2.0

//! The three forms in which a reservation stands on the wire.
//!
//! - before refinement: `role`, with `reservation` where it is dynamic;
//! - after refinement: the stack `reservations`;
//! - endpoint: both, where the old form can say it.

use kaon_api::v1;
use kaon_api::v1::resource::ReservationInfo;
use kaon_api::v1::resource::reservation_info::Type;

/// The form before refinement has no words for a resource that is reserved more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Cannot downgrade resources containing refined reservations")]
pub struct RefinedReservation;

/// Turns any form into the one after refinement. The resource must be well-formed.
///
/// A message may mix forms, so each resource is looked at on its own.
pub fn upgrade(resource: &mut v1::Resource) {
    let role = resource.role.take();
    let reservation = resource.reservation.take();
    let role = role.filter(|role| role != "*");
    if let (true, Some(role)) = (resource.reservations.is_empty(), role) {
        let kind = if reservation.is_some() { Type::Dynamic } else { Type::Static };
        let upgraded =
            ReservationInfo { r#type: Some(kind), role: Some(role), ..reservation.unwrap_or_default() };
        resource.reservations.push(upgraded);
    }
}

/// Turns the form after refinement into the one before. Unchanged where it is refined.
pub fn downgrade(resource: &mut v1::Resource) -> Result<(), RefinedReservation> {
    if resource.reservations.len() > 1 {
        return Err(RefinedReservation);
    }
    add_old_form(resource);
    resource.reservations.clear();
    Ok(())
}

/// Turns the form after refinement into that of endpoints.
pub fn to_endpoint(resource: &mut v1::Resource) {
    if resource.reservations.len() <= 1 {
        add_old_form(resource);
    }
}

fn add_old_form(resource: &mut v1::Resource) {
    match resource.reservations.first() {
        Some(entry) => {
            resource.role = entry.role.clone();
            let old = ReservationInfo { r#type: None, role: None, ..entry.clone() };
            resource.reservation = (entry.r#type == Some(Type::Dynamic)).then_some(old);
        }
        // Idempotent: a resource that is in the old form already keeps its role.
        None => drop(resource.role.get_or_insert_with(|| "*".to_string())),
    }
}

/// Turns each resource into the form after refinement.
pub fn upgrade_all<'a>(resources: impl IntoIterator<Item = &'a mut v1::Resource>) {
    resources.into_iter().for_each(upgrade);
}

/// Turns resources into the form before refinement, in order, until one is refined.
///
/// Mesos: stops there, so that those before it are in the old form and those after it in the new. Agents and
/// checkpoints go on with such a mixture; masters treat it as an error.
pub fn downgrade_all<'a>(
    resources: impl IntoIterator<Item = &'a mut v1::Resource>,
) -> Result<(), RefinedReservation> {
    resources.into_iter().try_for_each(downgrade)
}

/// Turns each resource into the form of endpoints.
pub fn to_endpoint_all<'a>(resources: impl IntoIterator<Item = &'a mut v1::Resource>) {
    resources.into_iter().for_each(to_endpoint);
}
