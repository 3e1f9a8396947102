// SPDX-License-Identifier: Apache-2.0

//! The flags of a whole cluster in one process.

use super::Kind::{Choice, Integer, Path, Text};
use super::agent::{AGENT, ISOLATION, NETWORK, RESOURCES};
use super::master::MASTER;
use super::shared::{ONLY_LEVELS, SHARED};
use super::{Flag, Table, refused, used};

/// All that a master and an agent know; the rows here outweigh theirs.
pub const TABLE: Table = &[SHARED, MASTER, AGENT, RESOURCES, ISOLATION, NETWORK, LOCAL];

const LOCAL: &[Flag] = &[
    used("logging_level", Choice(ONLY_LEVELS), Some("WARNING"), "Logs messages of this level and above."),
    used("agents", Integer, Some("1"), "The number of agents; the host's resources are divided among them.")
        .or("num_slaves")
        .between("1", "1000"),
    used("ip", Text, Some("127.0.0.1"), "The IPv4 address to listen on."),
    used("port", Integer, Some("5050"), "The port of the master; the agents take free ones.")
        .between("0", "65535"),
    refused("zk", Text, None, "a cluster in one process has one master"),
    used(
        "work_dir",
        Path,
        None,
        "The folder of the agents' sandboxes; a new one that is removed at the end by default.",
    ),
];
