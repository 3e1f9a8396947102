// SPDX-License-Identifier: Apache-2.0

//! The names of resources, in the order in which people expect to read them.

use std::fmt;
use std::sync::Arc;

/// The name of a resource. `cpus`, `gpus`, `mem`, `disk` and `ports` come first, in this order, then all others by
/// name. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName(Inner);

// Invariant: `Other` never holds one of the five known names, so that equal names are equal values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Inner {
    Cpus,
    Gpus,
    Mem,
    Disk,
    Ports,
    Other(Arc<str>),
}

impl ResourceName {
    pub const CPUS: ResourceName = ResourceName(Inner::Cpus);
    pub const GPUS: ResourceName = ResourceName(Inner::Gpus);
    pub const MEM: ResourceName = ResourceName(Inner::Mem);
    pub const DISK: ResourceName = ResourceName(Inner::Disk);
    pub const PORTS: ResourceName = ResourceName(Inner::Ports);

    pub fn as_str(&self) -> &str {
        match &self.0 {
            Inner::Cpus => "cpus",
            Inner::Gpus => "gpus",
            Inner::Mem => "mem",
            Inner::Disk => "disk",
            Inner::Ports => "ports",
            Inner::Other(name) => name,
        }
    }
}

impl From<&str> for ResourceName {
    fn from(name: &str) -> ResourceName {
        ResourceName(match name {
            "cpus" => Inner::Cpus,
            "gpus" => Inner::Gpus,
            "mem" => Inner::Mem,
            "disk" => Inner::Disk,
            "ports" => Inner::Ports,
            other => Inner::Other(Arc::from(other)),
        })
    }
}

impl AsRef<str> for ResourceName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for ResourceName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for ResourceName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_come_first() {
        let mut names: Vec<ResourceName> =
            ["zeta", "ports", "alpha", "disk", "cpus", "mem", "gpus"].map(ResourceName::from).to_vec();
        names.sort();
        let texts: Vec<&str> = names.iter().map(ResourceName::as_str).collect();
        assert_eq!(texts, ["cpus", "gpus", "mem", "disk", "ports", "alpha", "zeta"]);
        assert_eq!(ResourceName::from("mem"), ResourceName::MEM);
    }
}
