// SPDX-License-Identifier: Apache-2.0

//! What a disk resource is made of: its source with the volume that persists on it.

use super::labels::Labels;
use kaon_api::v1;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The `disk` member of a resource.
///
/// Mesos: two are equal when source and persistence id are. The principal is a note, and `volume` says how the disk
/// is used (each task may mount it elsewhere), not what it is.
#[derive(Clone, Debug, Default)]
pub struct DiskInfo {
    pub persistence: Option<Persistence>,
    pub volume: Option<v1::Volume>,
    pub source: Option<DiskSource>,
}

/// What makes a disk a persistent volume.
#[derive(Clone, Debug)]
pub struct Persistence {
    /// Unique per role on one agent.
    pub id: Arc<str>,
    pub principal: Option<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskKind {
    /// A directory; can be cut into any number of volumes.
    Path,
    /// A mounted file system, used whole or not at all.
    Mount,
    /// A raw device, used whole or not at all.
    Block,
    /// Storage of a provider which is not set up yet.
    Raw,
}

/// Where a disk comes from. Absent on a resource, it is the agent's work directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiskSource {
    pub kind: DiskKind,
    /// Where PATH and MOUNT disks lie. A disk set up by a provider has the member without a root.
    pub root: Option<Option<Arc<str>>>,
    pub vendor: Option<Arc<str>>,
    pub id: Option<Arc<str>>,
    pub profile: Option<Arc<str>>,
    pub metadata: Option<Labels>,
}

impl DiskInfo {
    pub fn is_persistent_volume(&self) -> bool {
        self.persistence.is_some()
    }

    /// Whether it is taken whole or not at all: never added up, never split.
    pub fn is_indivisible(&self) -> bool {
        let exclusive = self.source.as_ref().is_some_and(|source| match source.kind {
            DiskKind::Mount | DiskKind::Block => true,
            DiskKind::Raw => source.id.is_some(),
            DiskKind::Path => false,
        });
        exclusive || self.is_persistent_volume()
    }

    fn identity(&self) -> (Option<&DiskSource>, Option<&str>) {
        (self.source.as_ref(), self.persistence.as_ref().map(|persistence| &*persistence.id))
    }
}

impl Ord for DiskInfo {
    fn cmp(&self, other: &DiskInfo) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl PartialOrd for DiskInfo {
    fn partial_cmp(&self, other: &DiskInfo) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for DiskInfo {
    fn eq(&self, other: &DiskInfo) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for DiskInfo {}

impl DiskKind {
    pub const fn name(self) -> &'static str {
        match self {
            DiskKind::Path => "PATH",
            DiskKind::Mount => "MOUNT",
            DiskKind::Block => "BLOCK",
            DiskKind::Raw => "RAW",
        }
    }
}

/// Mesos: `MOUNT:/mnt/1`, with `(vendor,id,profile)` where a provider is behind it.
impl fmt::Display for DiskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if self.id.is_some() || self.profile.is_some() {
            let text = |part: &Option<Arc<str>>| part.clone().unwrap_or_default();
            write!(f, "({},{},{})", text(&self.vendor), text(&self.id), text(&self.profile))?;
        }
        match (&self.kind, self.root.as_ref().and_then(Option::as_ref)) {
            (DiskKind::Path | DiskKind::Mount, Some(root)) => write!(f, ":{root}"),
            _ => Ok(()),
        }
    }
}

/// Mesos: `PATH:/d,volume-id:/host:container/path:rw`.
impl fmt::Display for DiskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}")?;
        }
        if let Some(persistence) = &self.persistence {
            let comma = if self.source.is_some() { "," } else { "" };
            write!(f, "{comma}{}", persistence.id)?;
        }
        let Some(volume) = &self.volume else { return Ok(()) };
        f.write_str(":")?;
        if let Some(host) = &volume.host_path {
            write!(f, "{host}:")?;
        }
        f.write_str(&volume.container_path)?;
        match volume.mode {
            v1::volume::Mode::Rw if volume.host_path.is_some() => f.write_str(":rw"),
            v1::volume::Mode::Ro if volume.host_path.is_some() => f.write_str(":ro"),
            _ => Ok(()),
        }
    }
}
