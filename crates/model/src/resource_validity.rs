// SPDX-License-Identifier: Apache-2.0

//! Whether a resource on the wire is well-formed, with the words in which Mesos says that it is not.

mod reservation;

use crate::RoleError;
use crate::resource::labels::Labels;
use kaon_api::v1;
use std::fmt::{self, Write};

/// What is wrong with a resource. The texts reach clients, so they are those of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceProblem {
    #[error("Empty resource name")]
    EmptyName,
    #[error("Invalid {0} resource")]
    WrongMembers(&'static str),
    #[error("Invalid scalar resource: value <= 0")]
    NotPositive,
    #[error("Invalid scalar resource: value is not finite")]
    NotFinite,
    #[error("Invalid ranges resource: begin > end")]
    InvertedRange,
    #[error("Invalid ranges resource: overlapping ranges")]
    OverlappingRanges,
    #[error("Invalid set resource: duplicated elements")]
    DuplicateItem,
    #[error("Unsupported resource type")]
    UnsupportedType,
    #[error("DiskInfo should not be set for {0} resource")]
    DiskOnOther(String),
    #[error("{member} should not be set for {kind} disk source")]
    DiskSourceMember { member: &'static str, kind: &'static str },
    #[error("Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'")]
    DiskSourceType,
    #[error("Resource {0} cannot be shared")]
    SharedOther(String),
    #[error("Only persistent volumes can be shared")]
    SharedWithoutVolume,
    #[error("{0}")]
    Role(#[from] RoleError),
    #[error("{0}")]
    Reservation(#[from] ReservationProblem),
}

pub use reservation::ReservationProblem;

/// A resource of a list is not well-formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Resource '{resource}' is invalid: {problem}")]
pub struct InvalidResource {
    /// The resource as Mesos prints it.
    pub resource: String,
    pub problem: ResourceProblem,
}

impl InvalidResource {
    pub(crate) fn new(resource: &v1::Resource, problem: ResourceProblem) -> InvalidResource {
        InvalidResource { resource: describe(resource), problem }
    }
}

/// Checks one resource by all rules of Mesos.
pub fn validate(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    if resource.name.is_empty() {
        return Err(ResourceProblem::EmptyName);
    }
    validate_value(resource)?;
    validate_disk(resource)?;
    reservation::validate(resource)?;
    validate_shared(resource)
}

/// Checks each resource of a list.
pub fn validate_all(resources: &[v1::Resource]) -> Result<(), InvalidResource> {
    let check = |one| validate(one).map_err(|problem| InvalidResource::new(one, problem));
    resources.iter().try_for_each(check)
}

fn validate_value(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    let present = (resource.scalar.is_some(), resource.ranges.is_some(), resource.set.is_some());
    match (resource.r#type, present) {
        (v1::value::Type::Scalar, (true, false, false)) => {
            resource.scalar.iter().try_for_each(|scalar| validate_scalar(scalar.value))
        }
        (v1::value::Type::Ranges, (false, true, false)) => {
            resource.ranges.iter().try_for_each(|ranges| validate_ranges(&ranges.range))
        }
        (v1::value::Type::Set, (false, false, true)) => {
            resource.set.iter().try_for_each(|set| validate_set(&set.item))
        }
        (v1::value::Type::Scalar, _) => Err(ResourceProblem::WrongMembers("scalar")),
        (v1::value::Type::Ranges, _) => Err(ResourceProblem::WrongMembers("ranges")),
        (v1::value::Type::Set, _) => Err(ResourceProblem::WrongMembers("set")),
        (v1::value::Type::Text, _) => Err(ResourceProblem::UnsupportedType),
    }
}

/// Mesos: exactly zero is allowed; what is more than zero but rounds to it is not.
fn validate_scalar(value: f64) -> Result<(), ResourceProblem> {
    if !value.is_finite() {
        return Err(ResourceProblem::NotFinite);
    }
    if value != 0.0 && !crate::Scalar::from_f64(value).is_positive() {
        return Err(ResourceProblem::NotPositive);
    }
    Ok(())
}

/// Mesos: overlooks an overlap where the later range begins before the earlier one; we do not.
fn validate_ranges(ranges: &[v1::value::Range]) -> Result<(), ResourceProblem> {
    if ranges.iter().any(|range| range.begin > range.end) {
        return Err(ResourceProblem::InvertedRange);
    }
    let mut sorted: Vec<(u64, u64)> = ranges.iter().map(|range| (range.begin, range.end)).collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[1].0 <= pair[0].1) {
        return Err(ResourceProblem::OverlappingRanges);
    }
    Ok(())
}

fn validate_set(items: &[String]) -> Result<(), ResourceProblem> {
    let mut sorted: Vec<&String> = items.iter().collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(ResourceProblem::DuplicateItem);
    }
    Ok(())
}

fn validate_disk(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    use v1::resource::disk_info::source::Type;
    let Some(disk) = &resource.disk else { return Ok(()) };
    if resource.name != "disk" {
        return Err(ResourceProblem::DiskOnOther(resource.name.clone()));
    }
    let Some(source) = &disk.source else { return Ok(()) };
    let kind = match source.r#type {
        Type::Path | Type::Mount => return Ok(()),
        Type::Unknown => return Err(ResourceProblem::DiskSourceType),
        Type::Block => "BLOCK",
        Type::Raw => "RAW",
    };
    match (&source.mount, &source.path) {
        (Some(_), _) => Err(ResourceProblem::DiskSourceMember { member: "Mount", kind }),
        (_, Some(_)) => Err(ResourceProblem::DiskSourceMember { member: "Path", kind }),
        _ => Ok(()),
    }
}

fn validate_shared(resource: &v1::Resource) -> Result<(), ResourceProblem> {
    if resource.shared.is_none() {
        return Ok(());
    }
    if resource.name != "disk" {
        return Err(ResourceProblem::SharedOther(resource.name.clone()));
    }
    if resource.disk.as_ref().is_none_or(|disk| disk.persistence.is_none()) {
        return Err(ResourceProblem::SharedWithoutVolume);
    }
    Ok(())
}

/// Prints a resource as Mesos does, even one that is not well-formed.
pub fn describe(resource: &v1::Resource) -> String {
    let mut out = resource.name.clone();
    // Writing to a String cannot fail.
    let _ = describe_rest(resource, &mut out);
    out
}

fn describe_rest(resource: &v1::Resource, out: &mut String) -> fmt::Result {
    if let Some(info) = &resource.allocation_info {
        write!(out, "(allocated: {})", info.role.as_deref().unwrap_or_default())?;
    }
    if !resource.reservations.is_empty() {
        let entries: Vec<String> = resource.reservations.iter().map(describe_reservation).collect();
        write!(out, "(reservations: [{}])", entries.join(","))?;
    }
    if let Some(disk) = &resource.disk {
        match crate::wire::disk_from_wire(disk) {
            Ok(disk) => write!(out, "[{disk}]")?,
            Err(_) => out.push_str("[UNKNOWN]"),
        }
    }
    out.push_str(if resource.revocable.is_some() { "{REV}" } else { "" });
    out.push_str(if resource.shared.is_some() { "<SHARED>" } else { "" });
    out.push(':');
    describe_value(resource, out)
}

fn describe_reservation(entry: &v1::resource::ReservationInfo) -> String {
    use v1::resource::reservation_info::Type;
    let kind = match entry.r#type.unwrap_or_default() {
        Type::Unknown => "UNKNOWN",
        Type::Static => "STATIC",
        Type::Dynamic => "DYNAMIC",
    };
    let mut parts = vec![kind.to_string(), entry.role.clone().unwrap_or_default()];
    parts.extend(entry.principal.clone());
    parts.extend(entry.labels.as_ref().map(|labels| Labels::from(labels).to_string()));
    format!("({})", parts.join(","))
}

/// Mesos: prints the member that the type names, as if it were there.
fn describe_value(resource: &v1::Resource, out: &mut String) -> fmt::Result {
    match resource.r#type {
        v1::value::Type::Scalar => {
            let value = resource.scalar.as_ref().map_or(0.0, |scalar| scalar.value);
            out.push_str(&crate::number::general((value * 1000.0).round() / 1000.0, 15));
        }
        v1::value::Type::Ranges => {
            let one = |range: &v1::value::Range| format!("{}-{}", range.begin, range.end);
            let all = resource.ranges.iter().flat_map(|ranges| &ranges.range).map(one);
            write!(out, "[{}]", all.collect::<Vec<_>>().join(", "))?;
        }
        v1::value::Type::Set => {
            let all = resource.set.iter().flat_map(|set| &set.item).map(String::as_str);
            write!(out, "{{{}}}", all.collect::<Vec<_>>().join(", "))?;
        }
        // Mesos ends here.
        v1::value::Type::Text => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
