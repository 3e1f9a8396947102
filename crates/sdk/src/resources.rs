// SPDX-License-Identifier: Apache-2.0

//! Takes what a task needs out of what is offered.

use std::collections::BTreeMap;
use std::fmt;

use kaon_api::v1::{Resource, value};

/// Mesos: amounts are counted in thousandths.
const PER_UNIT: f64 = 1000.0;

/// The scalar resources that a task needs, such as cpus (in cores) and mem (in MiB).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// In thousandths; none is zero.
    amounts: BTreeMap<String, u64>,
}

impl Wanted {
    pub fn new(cpus: f64, mem: f64) -> Wanted {
        Wanted::default().and("cpus", cpus).and("mem", mem)
    }

    /// With an amount of one more resource; what is not positive counts as nothing.
    pub fn and(mut self, name: &str, amount: f64) -> Wanted {
        let thousandths = to_thousandths(amount);
        if thousandths == 0 {
            self.amounts.remove(name);
        } else {
            self.amounts.insert(name.to_owned(), thousandths);
        }
        self
    }

    /// Whether all of it is in `offered`.
    pub fn fits(&self, offered: &[Resource]) -> bool {
        self.amounts.iter().all(|(name, amount)| {
            let pieces = offered.iter().filter(|resource| is_plain(resource, name));
            pieces.map(thousandths_of).sum::<u64>() >= *amount
        })
    }

    /// How much of each wanted resource is in `offered`.
    pub fn found_in(&self, offered: &[Resource]) -> Wanted {
        let found = |name: &String| {
            let pieces = offered.iter().filter(|resource| is_plain(resource, name));
            (name.clone(), pieces.map(thousandths_of).sum())
        };
        let amounts = self.amounts.keys().map(found).filter(|(_, amount)| *amount > 0).collect();
        Wanted { amounts }
    }

    /// The greater amount of each resource.
    pub fn max(mut self, other: &Wanted) -> Wanted {
        for (name, amount) in &other.amounts {
            let own = self.amounts.entry(name.clone()).or_default();
            *own = (*own).max(*amount);
        }
        self
    }

    /// Takes it out of `offered`, reserved resources first, or nothing if not all of it is there.
    pub fn take(&self, offered: &mut Vec<Resource>) -> Option<Vec<Resource>> {
        if !self.fits(offered) {
            return None;
        }
        let mut taken = Vec::with_capacity(self.amounts.len());
        for (name, amount) in &self.amounts {
            take_one(name, *amount, offered, &mut taken);
        }
        offered.retain(|resource| resource.scalar.is_none() || thousandths_of(resource) > 0);
        Some(taken)
    }
}

impl fmt::Display for Wanted {
    /// `cpus 0.5, mem 32`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, amount)) in self.amounts.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name} {}", *amount as f64 / PER_UNIT)?;
        }
        Ok(())
    }
}

/// Moves `missing` thousandths of `name` from `offered` to `taken`.
fn take_one(name: &str, mut missing: u64, offered: &mut [Resource], taken: &mut Vec<Resource>) {
    for reserved in [true, false] {
        for resource in offered.iter_mut() {
            if missing == 0 {
                return;
            }
            if is_reserved(resource) != reserved || !is_plain(resource, name) {
                continue;
            }
            let here = thousandths_of(resource);
            let moved = here.min(missing);
            if moved > 0 {
                taken.push(with_amount(resource, moved));
                *resource = with_amount(resource, here - moved);
                missing -= moved;
            }
        }
    }
}

/// Whether any part of the resource may be taken: volumes come whole, and revocable ones need a framework's consent.
fn is_plain(resource: &Resource, name: &str) -> bool {
    resource.name == name
        && resource.r#type == value::Type::Scalar
        && resource.revocable.is_none()
        && resource.shared.is_none()
        && resource.disk.is_none()
}

fn is_reserved(resource: &Resource) -> bool {
    let by_role = resource.role.as_deref().is_some_and(|role| role != "*");
    by_role || resource.reservation.is_some() || !resource.reservations.is_empty()
}

fn thousandths_of(resource: &Resource) -> u64 {
    resource.scalar.as_ref().map_or(0, |scalar| to_thousandths(scalar.value))
}

fn with_amount(resource: &Resource, thousandths: u64) -> Resource {
    let scalar = value::Scalar { value: thousandths as f64 / PER_UNIT, ..Default::default() };
    Resource { scalar: Some(scalar), ..resource.clone() }
}

/// NaN and negative amounts become 0, infinity the greatest number.
fn to_thousandths(amount: f64) -> u64 {
    (amount * PER_UNIT).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(name: &str, amount: f64, role: Option<&str>) -> Resource {
        let scalar = value::Scalar { value: amount, ..Default::default() };
        Resource {
            name: name.into(),
            r#type: value::Type::Scalar,
            scalar: Some(scalar),
            role: role.map(Into::into),
            ..Default::default()
        }
    }

    fn amounts(resources: &[Resource]) -> Vec<(&str, f64)> {
        resources.iter().map(|r| (r.name.as_str(), r.scalar.as_ref().unwrap().value)).collect()
    }

    #[test]
    fn what_is_taken_is_gone() {
        let mut offered = vec![scalar("cpus", 1.0, None), scalar("mem", 100.0, None)];
        let wanted = Wanted::new(0.3, 40.0);
        let first = wanted.take(&mut offered).unwrap();
        assert_eq!(amounts(&first), [("cpus", 0.3), ("mem", 40.0)]);
        assert_eq!(amounts(&offered), [("cpus", 0.7), ("mem", 60.0)]);
        assert!(wanted.take(&mut offered).is_some());
        assert_eq!(wanted.take(&mut offered), None, "20 MiB are too few");
        assert_eq!(amounts(&offered), [("cpus", 0.4), ("mem", 20.0)]);
    }

    #[test]
    fn a_whole_resource_leaves_nothing_behind() {
        let mut offered = vec![scalar("cpus", 0.1, None), scalar("cpus", 0.2, None)];
        // In binary fractions 0.1 + 0.2 is not 0.3; in thousandths it is.
        let taken = Wanted::default().and("cpus", 0.3).take(&mut offered).unwrap();
        assert_eq!(amounts(&taken), [("cpus", 0.1), ("cpus", 0.2)]);
        assert!(offered.is_empty());
    }

    #[test]
    fn reserved_resources_go_first_and_volumes_never() {
        let mut volume = scalar("mem", 500.0, Some("ops"));
        volume.disk = Some(Box::default());
        let mut offered = vec![volume, scalar("mem", 50.0, Some("*")), scalar("mem", 50.0, Some("ops"))];
        let wanted = Wanted::default().and("mem", 60.0);
        let taken = wanted.take(&mut offered).unwrap();
        let roles: Vec<_> = taken.iter().map(|r| r.role.as_deref().unwrap()).collect();
        assert_eq!((roles, amounts(&taken)), (vec!["ops", "*"], vec![("mem", 50.0), ("mem", 10.0)]));
        assert_eq!(wanted.take(&mut offered), None, "only the volume would be large enough");
    }

    #[test]
    fn needs_can_be_told() {
        assert_eq!(Wanted::new(0.5, 32.0).to_string(), "cpus 0.5, mem 32");
    }

    #[test]
    fn strange_amounts_are_nothing() {
        assert!(Wanted::new(f64::NAN, -5.0).fits(&[]));
        assert!(!Wanted::new(f64::INFINITY, 0.0).fits(&[scalar("cpus", 1e9, None)]));
        assert!(!Wanted::new(1.0, 0.0).fits(&[scalar("cpus", f64::NAN, None)]));
    }
}
