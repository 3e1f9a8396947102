// SPDX-License-Identifier: Apache-2.0

//! One resource: an amount of something with all that tells it from other amounts of the same thing.

pub mod disk;
pub mod labels;
pub mod name;

use crate::{Ranges, ResourceProviderId, Role, Scalar, StringSet};
use disk::DiskInfo;
use labels::Labels;
use name::ResourceName;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// An amount of a named thing.
///
/// In memory it is always in the form with a stack of reservations; the older forms exist only on the wire
/// (`wire`, `format`). Two resources of one [identity](Resource::same_identity) can be added up.
#[derive(Clone, Debug)]
pub struct Resource {
    pub name: ResourceName,
    pub value: Value,
    /// Who it is held back for, oldest first. Empty: for everyone.
    pub reservations: Vec<Reservation>,
    /// The role it is charged to while offered or used.
    pub allocation_role: Option<Role>,
    /// May be taken back at any time.
    pub revocable: bool,
    /// May be used by several tasks at once; persistent volumes only.
    pub shared: bool,
    pub disk: Option<Box<DiskInfo>>,
    /// None for what the agent itself provides.
    pub provider_id: Option<ResourceProviderId>,
}

/// How much.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Scalar(Scalar),
    Ranges(Ranges),
    Set(StringSet),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationKind {
    /// By the agent's operator, in its flags.
    Static,
    /// By a framework or operator, at run time.
    Dynamic,
}

/// One entry of the stack: holds a resource back for a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reservation {
    pub kind: ReservationKind,
    pub role: Role,
    pub principal: Option<Arc<str>>,
    pub labels: Option<Labels>,
}

impl Reservation {
    pub fn fixed(role: Role) -> Reservation {
        Reservation { kind: ReservationKind::Static, role, principal: None, labels: None }
    }

    pub fn dynamic(role: Role, principal: Option<&str>) -> Reservation {
        Reservation {
            kind: ReservationKind::Dynamic,
            role,
            principal: principal.map(Arc::from),
            labels: None,
        }
    }
}

impl Resource {
    /// Unreserved, unallocated, plain.
    pub fn new(name: impl Into<ResourceName>, value: Value) -> Resource {
        Resource {
            name: name.into(),
            value,
            reservations: Vec::new(),
            allocation_role: None,
            revocable: false,
            shared: false,
            disk: None,
            provider_id: None,
        }
    }

    pub fn scalar(name: impl Into<ResourceName>, amount: Scalar) -> Resource {
        Resource::new(name, Value::Scalar(amount))
    }

    pub fn ranges(name: impl Into<ResourceName>, ranges: Ranges) -> Resource {
        Resource::new(name, Value::Ranges(ranges))
    }

    pub fn set(name: impl Into<ResourceName>, items: StringSet) -> Resource {
        Resource::new(name, Value::Set(items))
    }

    pub fn allocated_to(mut self, role: Role) -> Resource {
        self.allocation_role = Some(role);
        self
    }

    /// With one more reservation on top.
    pub fn reserved_by(mut self, reservation: Reservation) -> Resource {
        self.reservations.push(reservation);
        self
    }

    /// Mesos: an amount of nothing is left out of every sum.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// The role it is reserved for: that of the newest reservation.
    pub fn reservation_role(&self) -> Option<&Role> {
        self.reservations.last().map(|reservation| &reservation.role)
    }

    pub fn is_unreserved(&self) -> bool {
        self.reservations.is_empty()
    }

    pub fn is_reserved_to(&self, role: &Role) -> bool {
        self.reservation_role() == Some(role)
    }

    pub fn is_dynamically_reserved(&self) -> bool {
        self.reservations.last().is_some_and(|reservation| reservation.kind == ReservationKind::Dynamic)
    }

    /// Reserved more than once: cannot be told to peers without RESERVATION_REFINEMENT.
    pub fn is_refined(&self) -> bool {
        self.reservations.len() > 1
    }

    /// Whether `role` may have it: it is unreserved, or reserved for the role or one above it.
    pub fn is_allocatable_to(&self, role: &Role) -> bool {
        self.reservation_role().is_none_or(|reserved| role.is_within(reserved))
    }

    pub fn is_persistent_volume(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.is_persistent_volume())
    }

    /// The id of its persistent volume.
    pub fn persistence_id(&self) -> Option<&str> {
        self.disk.as_ref()?.persistence.as_ref().map(|persistence| &*persistence.id)
    }

    /// Whether it is taken whole or not at all.
    pub fn is_indivisible(&self) -> bool {
        self.shared || self.disk.as_ref().is_some_and(|disk| disk.is_indivisible())
    }

    /// Whether both are amounts of the same thing: all but the amount is equal.
    pub fn same_identity(&self, other: &Resource) -> bool {
        self.cmp_identity(other).is_eq()
    }

    /// Orders by all but the amount. Names first, so that a collection reads as people expect.
    pub fn cmp_identity(&self, other: &Resource) -> Ordering {
        (self.name.cmp(&other.name))
            .then_with(|| self.value.kind().cmp(&other.value.kind()))
            .then_with(|| self.reservations.cmp(&other.reservations))
            .then_with(|| self.allocation_role.cmp(&other.allocation_role))
            .then_with(|| self.revocable.cmp(&other.revocable))
            .then_with(|| self.shared.cmp(&other.shared))
            .then_with(|| self.disk.cmp(&other.disk))
            .then_with(|| self.provider_id.cmp(&other.provider_id))
    }
}

impl Ord for Resource {
    fn cmp(&self, other: &Resource) -> Ordering {
        self.cmp_identity(other).then_with(|| self.value.cmp(&other.value))
    }
}

impl PartialOrd for Resource {
    fn partial_cmp(&self, other: &Resource) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Resource) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Resource {}

impl Value {
    fn kind(&self) -> u8 {
        match self {
            Value::Scalar(_) => 0,
            Value::Ranges(_) => 1,
            Value::Set(_) => 2,
        }
    }

    /// The name of its kind on the wire.
    pub fn kind_name(&self) -> &'static str {
        ["SCALAR", "RANGES", "SET"][usize::from(self.kind())]
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Value::Scalar(amount) => amount.is_zero(),
            Value::Ranges(ranges) => ranges.is_empty(),
            Value::Set(items) => items.is_empty(),
        }
    }

    /// Whether `other` is part of it; never where the kinds differ.
    pub fn contains(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Scalar(own), Value::Scalar(other)) => other <= own,
            (Value::Ranges(own), Value::Ranges(other)) => own.contains(other),
            (Value::Set(own), Value::Set(other)) => own.contains(other),
            _ => false,
        }
    }

    /// Adds `other`; does nothing where the kinds differ, which one identity rules out.
    pub(crate) fn add(&mut self, other: &Value) {
        match (self, other) {
            (Value::Scalar(own), Value::Scalar(other)) => *own += *other,
            (Value::Ranges(own), Value::Ranges(other)) => *own += other,
            (Value::Set(own), Value::Set(other)) => *own += other,
            _ => debug_assert!(false, "values of different kinds have different identities"),
        }
    }

    /// The sum of values of one kind; ranges are sorted once.
    pub(crate) fn sum<'a>(values: impl IntoIterator<Item = &'a Value>) -> Value {
        let mut values = values.into_iter().peekable();
        if let Some(Value::Ranges(_)) = values.peek() {
            let ranges =
                values.filter_map(|value| if let Value::Ranges(own) = value { Some(own) } else { None });
            return Value::Ranges(ranges.flat_map(Ranges::iter).collect());
        }
        let mut sum = values.next().cloned().unwrap_or(Value::Scalar(Scalar::ZERO));
        values.for_each(|value| sum.add(value));
        sum
    }

    /// Takes `other` out, down to nothing at least.
    pub(crate) fn subtract(&mut self, other: &Value) {
        match (self, other) {
            (Value::Scalar(own), Value::Scalar(other)) => *own = own.minus_at_least_zero(*other),
            (Value::Ranges(own), Value::Ranges(other)) => *own -= other,
            (Value::Set(own), Value::Set(other)) => *own -= other,
            _ => debug_assert!(false, "values of different kinds have different identities"),
        }
    }

    /// The amount as one number: how many integers or items ranges and sets hold.
    pub fn quantity(&self) -> Scalar {
        let count = |n: u64| Scalar::from_units(i64::try_from(n).unwrap_or(i64::MAX));
        match self {
            Value::Scalar(amount) => *amount,
            Value::Ranges(ranges) => count(ranges.count()),
            Value::Set(items) => count(items.len() as u64),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Scalar(amount) => write!(f, "{amount}"),
            Value::Ranges(ranges) => write!(f, "{ranges}"),
            Value::Set(items) => write!(f, "{items}"),
        }
    }
}

/// Mesos: `(DYNAMIC,role,principal,{key: value})`.
impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReservationKind::Static => "STATIC",
            ReservationKind::Dynamic => "DYNAMIC",
        };
        write!(f, "({kind},{}", self.role)?;
        if let Some(principal) = &self.principal {
            write!(f, ",{principal}")?;
        }
        if let Some(labels) = &self.labels {
            write!(f, ",{labels}")?;
        }
        f.write_str(")")
    }
}

/// Mesos: `cpus(allocated: a)(reservations: [(STATIC,a)]):4`, with `[disk]`, `{REV}` and `<SHARED>` before the colon.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if let Some(role) = &self.allocation_role {
            write!(f, "(allocated: {role})")?;
        }
        if !self.reservations.is_empty() {
            f.write_str("(reservations: [")?;
            for (index, reservation) in self.reservations.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                write!(f, "{comma}{reservation}")?;
            }
            f.write_str("])")?;
        }
        if let Some(disk) = &self.disk {
            write!(f, "[{disk}]")?;
        }
        if self.revocable {
            f.write_str("{REV}")?;
        }
        if self.shared {
            f.write_str("<SHARED>")?;
        }
        write!(f, ":{}", self.value)
    }
}
