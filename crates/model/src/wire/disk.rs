// SPDX-License-Identifier: Apache-2.0

//! The `disk` member of a resource on the wire.

use crate::resource::disk::{DiskInfo, DiskKind, DiskSource, Persistence};
use crate::resource_validity::ResourceProblem;
use kaon_api::v1::resource as wire;
use kaon_api::v1::resource::disk_info::source;
use std::sync::Arc;

fn shared(text: &Option<String>) -> Option<Arc<str>> {
    text.as_deref().map(Arc::from)
}

fn owned(text: &Option<Arc<str>>) -> Option<String> {
    text.as_deref().map(String::from)
}

pub(crate) fn from_wire(disk: &wire::DiskInfo) -> Result<DiskInfo, ResourceProblem> {
    Ok(DiskInfo {
        persistence: (disk.persistence.as_ref())
            .map(|p| Persistence { id: Arc::from(p.id.as_str()), principal: shared(&p.principal) }),
        volume: disk.volume.clone(),
        source: disk.source.as_deref().map(source_from_wire).transpose()?,
    })
}

fn source_from_wire(wire: &wire::disk_info::Source) -> Result<DiskSource, ResourceProblem> {
    let (kind, root) = match wire.r#type {
        source::Type::Path => (DiskKind::Path, wire.path.as_ref().map(|path| shared(&path.root))),
        source::Type::Mount => (DiskKind::Mount, wire.mount.as_ref().map(|mount| shared(&mount.root))),
        source::Type::Block => (DiskKind::Block, None),
        source::Type::Raw => (DiskKind::Raw, None),
        source::Type::Unknown => return Err(ResourceProblem::DiskSourceType),
    };
    Ok(DiskSource {
        kind,
        root,
        vendor: shared(&wire.vendor),
        id: shared(&wire.id),
        profile: shared(&wire.profile),
        metadata: wire.metadata.as_ref().map(Into::into),
    })
}

pub(crate) fn to_wire(disk: &DiskInfo) -> wire::DiskInfo {
    wire::DiskInfo {
        persistence: disk.persistence.as_ref().map(|p| wire::disk_info::Persistence {
            id: p.id.to_string(),
            principal: owned(&p.principal),
            ..Default::default()
        }),
        volume: disk.volume.clone(),
        source: disk.source.as_ref().map(|source| Box::new(source_to_wire(source))),
        ..Default::default()
    }
}

fn source_to_wire(disk: &DiskSource) -> wire::disk_info::Source {
    let mut out = wire::disk_info::Source {
        r#type: match disk.kind {
            DiskKind::Path => source::Type::Path,
            DiskKind::Mount => source::Type::Mount,
            DiskKind::Block => source::Type::Block,
            DiskKind::Raw => source::Type::Raw,
        },
        vendor: owned(&disk.vendor),
        id: owned(&disk.id),
        profile: owned(&disk.profile),
        metadata: disk.metadata.as_ref().map(Into::into),
        ..Default::default()
    };
    let root = disk.root.as_ref().map(owned);
    match (disk.kind, root) {
        (DiskKind::Path, Some(root)) => out.path = Some(source::Path { root, ..Default::default() }),
        (DiskKind::Mount, Some(root)) => out.mount = Some(source::Mount { root, ..Default::default() }),
        _ => {}
    }
    out
}
