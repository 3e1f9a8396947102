// SPDX-License-Identifier: Apache-2.0

//! The rules for reservations in the three formats of the wire.

use super::ResourceProblem;
use crate::resource::labels::Labels;
use crate::role::validate_role;
use crate::{Role, RoleError};
use kaon_api::v1;
use kaon_api::v1::resource::ReservationInfo;
use kaon_api::v1::resource::reservation_info::Type;

/// What is wrong with the reservations of a resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationProblem {
    #[error("'Resource.ReservationInfo.{0}' must not be set for the 'Resource.reservation' field")]
    OldFormHas(&'static str),
    #[error("Invalid reservation: role \"*\" cannot be dynamically reserved")]
    StarDynamic,
    #[error("Invalid reservation: 'Resource.ReservationInfo.{0}' field must be set.")]
    Missing(&'static str),
    #[error("Invalid reservation: role \"*\" cannot be reserved")]
    Star,
    #[error("Unsupported 'Resource.ReservationInfo.Type'")]
    UnknownType,
    #[error("Invalid refined reservation: A refined reservation cannot be STATIC")]
    RefinedStatic,
    #[error("Invalid refined reservation: role '{role}' is not a refinement of '{of}'")]
    NotARefinement { role: String, of: String },
    #[error(
        "Invalid resource format: '{0}' must not be set if there is more than one reservation in 'Resource.reservations'"
    )]
    MixedWithSeveral(&'static str),
    #[error(
        "Invalid resource format: 'Resource.reservation' must not be set if the single reservation in 'Resource.reservations' is STATIC"
    )]
    MixedWithStatic,
    #[error(
        "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC"
    )]
    MixedHalf,
    #[error(
        "Invalid resource format: '{field}' field with '{old}' does not match the {what} '{new}' in 'Resource.reservations'"
    )]
    Disagree { field: &'static str, what: &'static str, old: String, new: String },
}

pub(super) fn validate(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    match resource.reservations.as_slice() {
        [] => validate_old_form(resource),
        [single] => {
            validate_entry(single)?;
            Ok(validate_mixture(resource, single)?)
        }
        several => {
            several.iter().try_for_each(validate_entry)?;
            validate_stack(several)?;
            let mixed = |field| Err(ReservationProblem::MixedWithSeveral(field).into());
            match (&resource.role, &resource.reservation) {
                (Some(_), _) => mixed("Resource.role"),
                (_, Some(_)) => mixed("Resource.reservation"),
                _ => Ok(()),
            }
        }
    }
}

/// The form before reservation refinement: a role, with `reservation` where the reservation is dynamic.
fn validate_old_form(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    let role = resource.role.as_deref().unwrap_or("*");
    validate_role(role)?;
    let Some(reservation) = &resource.reservation else { return Ok(()) };
    if reservation.r#type.is_some() {
        return Err(ReservationProblem::OldFormHas("type").into());
    }
    if reservation.role.is_some() {
        return Err(ReservationProblem::OldFormHas("role").into());
    }
    if role == "*" {
        return Err(ReservationProblem::StarDynamic.into());
    }
    Ok(())
}

fn validate_entry(entry: &ReservationInfo) -> Result<(), ResourceProblem> {
    let kind = entry.r#type.ok_or(ReservationProblem::Missing("type"))?;
    let role = entry.role.as_deref().ok_or(ReservationProblem::Missing("role"))?;
    validate_role(role)?;
    if role == "*" {
        return Err(ReservationProblem::Star.into());
    }
    if kind == Type::Unknown {
        return Err(ReservationProblem::UnknownType.into());
    }
    Ok(())
}

/// Each entry refines the one before it; only the first may be static.
fn validate_stack(entries: &[ReservationInfo]) -> Result<(), ResourceProblem> {
    let roles: Vec<Role> = entries
        .iter()
        .map(|entry| Role::new(entry.role.as_deref().unwrap_or_default()))
        .collect::<Result<_, RoleError>>()?;
    for (at, entry) in entries.iter().enumerate().skip(1) {
        if entry.r#type == Some(Type::Static) {
            return Err(ReservationProblem::RefinedStatic.into());
        }
        let (role, of) = (&roles[at], &roles[at - 1]);
        if !role.is_strict_subrole_of(of) {
            return Err(
                ReservationProblem::NotARefinement { role: role.to_string(), of: of.to_string() }.into()
            );
        }
    }
    Ok(())
}

/// The form of endpoints, with old and new fields together: they must agree.
fn validate_mixture(resource: &v1::Resource, single: &ReservationInfo) -> Result<(), ReservationProblem> {
    if let Some(role) = &resource.role {
        agree("Resource.role", "role", role.clone(), single.role.clone().unwrap_or_default())?;
    }
    if single.r#type == Some(Type::Static) {
        return if resource.reservation.is_some() {
            Err(ReservationProblem::MixedWithStatic)
        } else {
            Ok(())
        };
    }
    if resource.role.is_some() != resource.reservation.is_some() {
        return Err(ReservationProblem::MixedHalf);
    }
    let Some(old) = &resource.reservation else { return Ok(()) };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    agree("Resource.reservation.principal", "principal", text(&old.principal), text(&single.principal))?;
    let labels = |info: &ReservationInfo| info.labels.as_ref().map(Labels::from).unwrap_or_default();
    let (old_labels, new_labels) = (labels(old), labels(single));
    if old_labels != new_labels {
        agree("Resource.reservation.labels", "labels", old_labels.to_string(), new_labels.to_string())?;
    }
    Ok(())
}

fn agree(
    field: &'static str,
    what: &'static str,
    old: String,
    new: String,
) -> Result<(), ReservationProblem> {
    if old == new { Ok(()) } else { Err(ReservationProblem::Disagree { field, what, old, new }) }
}
