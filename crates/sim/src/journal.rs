// SPDX-License-Identifier: Apache-2.0

//! A simulated disk, on which an agent keeps its journal.

use std::collections::{BTreeMap, BTreeSet};

use kaon_agent::journal::{FileOp, VolumeFolder};
use kaon_model::Entropy;

/// Files and links by path. What was written survives the agent, as on a real host whose kernel goes on.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, String>,
    volumes: BTreeSet<VolumeFolder>,
}

impl Disk {
    pub fn apply(&mut self, op: &FileOp) {
        match op {
            FileOp::Replace { path, bytes } => {
                self.files.insert(path.clone(), bytes.clone());
            }
            FileOp::Append { path, bytes } => {
                self.files.entry(path.clone()).or_default().extend_from_slice(bytes);
            }
            FileOp::Symlink { path, target } => {
                self.links.insert(path.clone(), target.clone());
            }
            FileOp::Remove { path } => self.remove(path),
            FileOp::Rename { from, to } => {
                if let Some(bytes) = self.files.remove(from) {
                    self.files.insert(to.clone(), bytes);
                }
            }
            FileOp::MakeVolume { folder } => drop(self.volumes.insert(folder.clone())),
            FileOp::RemoveVolume { folder } => drop(self.volumes.remove(folder)),
        }
    }

    /// A write that was cut short: some of its changes, and of an appended record some bytes.
    pub fn tear(&mut self, ops: &[FileOp], rng: &mut Entropy) {
        let whole = rng.below(ops.len() as u64) as usize;
        ops[..whole].iter().for_each(|op| self.apply(op));
        if let FileOp::Append { path, bytes } = &ops[whole] {
            let some = rng.below(bytes.len() as u64) as usize;
            self.apply(&FileOp::Append { path: path.clone(), bytes: bytes[..some].to_vec() });
        }
    }

    pub fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.files.retain(|name, _| name != path && !name.starts_with(&below));
        self.links.retain(|name, _| name != path && !name.starts_with(&below));
    }

    /// The folders of persistent volumes.
    pub fn volumes(&self) -> &BTreeSet<VolumeFolder> {
        &self.volumes
    }

    /// Every file with what it holds; a symbolic link holds the text of its target.
    pub fn files(&self) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
        let links = self.links.iter().map(|(path, target)| (path.clone(), target.clone().into_bytes()));
        self.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone())).chain(links)
    }
}
