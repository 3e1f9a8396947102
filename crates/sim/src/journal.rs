// SPDX-License-Identifier: Apache-2.0

//! A simulated disk, on which an agent keeps its journal.

use std::collections::BTreeMap;

use kaon_agent::journal::FileOp;

/// Files and links by path. What was written survives the agent, as on a real host whose kernel goes on.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<String, Vec<u8>>,
    links: BTreeMap<String, String>,
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
        }
    }

    pub fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        self.files.retain(|name, _| name != path && !name.starts_with(&below));
        self.links.retain(|name, _| name != path && !name.starts_with(&below));
    }

    /// Every file with what it holds; a symbolic link holds the text of its target.
    pub fn files(&self) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
        let links = self.links.iter().map(|(path, target)| (path.clone(), target.clone().into_bytes()));
        self.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone())).chain(links)
    }
}
