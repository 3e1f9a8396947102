// SPDX-License-Identifier: Apache-2.0

//! Parts of resources that stay within amounts by name.

use crate::books::is_open;
use kaon_model::{Quantities, Resource, ResourceName, Resources, Scalar, Value};
use std::collections::BTreeMap;

/// As much of the scalars as `most` allows of each name, in thousandths; none is no bound. What is no scalar stays.
/// A disk that cannot be divided stays whole or not at all.
///
/// Mesos: takes entries of one name in random order; here the order is fixed.
pub(crate) fn shrink(resources: &Resources, most: impl Fn(&ResourceName) -> Option<i128>) -> Resources {
    let mut left: BTreeMap<ResourceName, i128> = BTreeMap::new();
    let mut kept = Resources::new();
    for resource in resources.iter() {
        let Value::Scalar(amount) = resource.value else {
            kept.insert(resource);
            continue;
        };
        let Some(bound) = left.get(&resource.name).copied().or_else(|| most(&resource.name)) else {
            kept.insert(resource);
            continue;
        };
        let amount = i128::from(amount.millis());
        let part = match resource.is_indivisible() {
            true if amount > bound => 0,
            true => amount,
            false => amount.min(bound).max(0),
        };
        left.insert(resource.name.clone(), bound - part);
        kept.insert(&resized(resource, part));
    }
    kept
}

/// What quota is met from, apart from all else.
pub(crate) fn split_open(resources: &Resources) -> (Resources, Resources) {
    let counts = |resource: &Resource| is_open(resource) && matches!(resource.value, Value::Scalar(_));
    (resources.filter(counts), resources.filter(|resource| !counts(resource)))
}

/// Whether `part` lacks something of `whole`, of which it is a part.
pub(crate) fn is_less(part: &Resources, whole: &Resources) -> bool {
    let (part, whole): (Quantities, Quantities) = (part.quantities(), whole.quantities());
    part != whole
}

fn resized(resource: &Resource, millis: i128) -> Resource {
    let amount = Scalar::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    Resource { value: Value::Scalar(amount), ..resource.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaon_model::Role;

    #[test]
    fn keeps_as_much_as_is_allowed_of_each_name() {
        let parse = |text: &str| Resources::parse(text, &Role::star()).unwrap();
        let most = |name: &ResourceName| match name.as_str() {
            "cpus" => Some(1500),
            "disk" => Some(-5),
            _ => None,
        };
        let kept = shrink(&parse("cpus:4;mem:10;disk:7;ports:[1-2]"), most);
        assert_eq!(kept, parse("cpus:1.5;mem:10;ports:[1-2]"));
        assert!(is_less(&kept, &parse("cpus:4;mem:10;disk:7;ports:[1-2]")));
        assert!(shrink(&kept, |_| Some(0)).quantities().is_empty());
    }

    #[test]
    fn a_whole_disk_is_not_cut() {
        let disk = |amount: &str| {
            let json = format!(
                r#"[{{"name":"disk","type":"SCALAR","scalar":{{"value":{amount}}},"role":"*",
                "disk":{{"source":{{"type":"MOUNT","mount":{{"root":"/m{amount}"}}}}}}}}]"#
            );
            Resources::parse(&json, &Role::star()).unwrap()
        };
        let both = &disk("10") + &disk("20");
        assert_eq!(shrink(&both, |_| Some(15_000)), disk("10"));
        assert_eq!(shrink(&both, |_| Some(30_000)), both);
        assert!(shrink(&both, |_| Some(9_000)).is_empty());
    }
}
