// SPDX-License-Identifier: Apache-2.0

//! Where the data of persistent volumes lie.

use kaon_model::{DiskKind, Resource, Resources, Role, validate_id};

/// Bound: bytes of a file's name, which Linux sets.
const NAME_MAX: usize = 255;

/// The folder of a persistent volume.
///
/// Mesos: `<root>/volumes/roles/<role>/<id>`, where the root is the work directory unless the disk has a path of its own.
/// A mounted disk is one volume, the mount itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VolumeFolder {
    /// The disk that it lies on, if that is not the work directory; relative to the work directory unless absolute.
    pub disk: Option<String>,
    /// Below the disk, or the work directory; empty for the whole disk.
    pub path: String,
}

impl VolumeFolder {
    /// None for what is no volume of the agent's own disks, or whose id is no name of a folder.
    pub fn of(resource: &Resource) -> Option<VolumeFolder> {
        let disk = resource.disk.as_ref()?;
        let id = &disk.persistence.as_ref()?.id;
        let role = resource.reservation_role()?;
        validate_id(id).ok()?;
        let path = format!("volumes/roles/{}/{id}", folder_of(role));
        let Some(source) = &disk.source else { return Some(VolumeFolder { disk: None, path }) };
        let root = source.root.clone()?.map(|root| root.to_string());
        match source.kind {
            DiskKind::Path => Some(VolumeFolder { disk: Some(root?), path }),
            DiskKind::Mount => Some(VolumeFolder { disk: Some(root?), path: String::new() }),
            DiskKind::Block | DiskKind::Raw => None,
        }
    }

    /// Whether a file system has such names. Mesos: a role may be of any length.
    pub fn can_be(&self) -> bool {
        self.path.split('/').all(|name| name.len() <= NAME_MAX)
    }

    /// The folders of all volumes of a collection, each once.
    pub fn all(resources: &Resources) -> std::collections::BTreeSet<VolumeFolder> {
        resources.iter().filter_map(VolumeFolder::of).collect()
    }
}

/// Mesos: a role's slashes would be folders; no role has a blank in it.
fn folder_of(role: &Role) -> String {
    role.as_str().replace('/', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_a_name_that_a_file_system_can_hold() {
        for (role, can_be) in [("a", true), (&"r".repeat(255), true), (&"r".repeat(256), false)] {
            let path = format!("volumes/roles/{role}/v");
            assert_eq!(VolumeFolder { disk: None, path }.can_be(), can_be, "{role}");
        }
    }
}
