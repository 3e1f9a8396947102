// SPDX-License-Identifier: Apache-2.0

//! Flags that master and agent have in common.

use super::Kind::{Bool, Choice, Duration, Integer, Path, Text};
use super::{Flag, ignored, refused, used};

pub const NO_AUTHENTICATION: &str = "this version has no authentication yet, and must not pretend to";
pub const NO_MODULES: &str = "modules are libraries of C++, which cannot be loaded";
pub const ONLY_LEVELS: &[&str] = &["INFO", "WARNING", "ERROR"];

pub const SHARED: &[Flag] = &[
    used("help", Bool, Some("false"), "Prints this help and exits."),
    used("version", Bool, Some("false"), "Prints the version and exits."),
    used("quiet", Bool, Some("false"), "Logs nothing to stderr."),
    used("logging_level", Choice(ONLY_LEVELS), Some("INFO"), "Logs messages of this level and above."),
    used(
        "log_dir",
        Path,
        None,
        "The folder in which a log file is kept, besides stderr. Shown under /files.",
    ),
    used(
        "external_log_file",
        Path,
        None,
        "The file into which something else writes the log. Shown under /files.",
    ),
    ignored("logbufsecs", Integer, Some("0"), "each line of the log is written at once"),
    ignored("initialize_driver_logging", Bool, Some("true"), "a daemon runs no driver"),
    used("ip", Text, None, "The IPv4 address to listen on. All of the host's by default."),
    used(
        "ip_discovery_command",
        Text,
        None,
        "A program that prints the address to listen on; instead of --ip.",
    ),
    used(
        "advertise_ip",
        Text,
        None,
        "The IPv4 address under which others reach this daemon, if it is another one.",
    ),
    used(
        "advertise_port",
        Integer,
        None,
        "The port under which others reach this daemon, if it is another one.",
    )
    .between("1", "65535"),
    used("hostname", Text, None, "The name under which others reach this host. Looked up by default."),
    used(
        "hostname_lookup",
        Bool,
        Some("true"),
        "Looks the host's name up; without, the address is its name.",
    ),
    used(
        "zk_session_timeout",
        Duration,
        Some("10secs"),
        "How long ZooKeeper waits for a master that it does not hear of before others may lead.",
    )
    .between("1secs", "10mins"),
    refused("firewall_rules", Text, None, "endpoints cannot be disabled yet, and must not seem to be"),
    refused("modules", Text, None, NO_MODULES),
    refused("modules_dir", Path, None, NO_MODULES),
    refused("hooks", Text, None, NO_MODULES),
    used(
        "domain",
        Text,
        None,
        "The region and zone in which this daemon runs, as JSON. Agents in another region than the master's are offered \
         to frameworks that know of regions alone.",
    ),
    refused("memory_profiling", Bool, Some("false"), "this process does not use jemalloc"),
];
