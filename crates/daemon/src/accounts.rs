// SPDX-License-Identifier: Apache-2.0

//! The names behind the numbers of the host's accounts.

use std::collections::BTreeMap;

/// Names by number. Those that only a directory service knows are missing.
pub type Names = BTreeMap<u32, String>;

pub fn users() -> Names {
    names("/etc/passwd")
}

pub fn groups() -> Names {
    names("/etc/group")
}

/// The account as which this process runs.
pub fn own_name() -> String {
    let id = rustix::process::geteuid().as_raw();
    users().remove(&id).unwrap_or_else(|| id.to_string())
}

fn names(file: &str) -> Names {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let name = |line: &str| {
        let mut parts = line.split(':');
        let name = parts.next()?.to_owned();
        Some((parts.nth(1)?.parse().ok()?, name))
    };
    text.lines().filter_map(name).collect()
}
