// SPDX-License-Identifier: Apache-2.0

//! Which parts of an answer another run may say in its own way.

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Exact,
    /// A moment since 1970, of the same type of number.
    Time,
    /// Any amount, of the same type of number.
    Amount,
    /// A text of a fixed length that stands for one thing throughout an answer.
    Identity,
    /// Where a daemon listens.
    Port,
    /// A text of the program's own choosing.
    Own,
    /// The name of a host.
    Host,
    /// The list of the actors of a process.
    Actors,
    /// An object of flags.
    Flags,
    /// The same as a list of names and values.
    FlagList,
    /// A list whose order says something.
    InOrder,
}

const TIMES: &[&str] = &[
    "build_time",
    "elected_time",
    "registered_time",
    "reregistered_time",
    "start_time",
    "timestamp",
    "unregistered_time",
];

/// The load and the memory of the host, the id of a process on it, and what containers use.
const AMOUNTS: &[&str] = &[
    "avg_load_15min",
    "avg_load_1min",
    "avg_load_5min",
    "cpus_system_time_secs",
    "cpus_total",
    "cpus_user_time_secs",
    "executor_pid",
    "mem_free_bytes",
    "mem_rss_bytes",
    "mem_total_bytes",
];

/// 16 random bytes in base64.
const IDENTITIES: &[&str] = &["uuid", "status_update_uuid"];

const OWN: &[&str] = &["build_date", "build_user", "git_branch", "git_sha", "git_tag"];

/// What depends on how the program was built.
const BUILD: &[&str] = &["git_branch", "git_sha", "git_tag"];

/// Flags that say where a daemon runs and how loudly.
const PLACES: &[&str] = &[
    "advertise_ip",
    "advertise_port",
    "fetcher_cache_dir",
    "hostname",
    "hostname_lookup",
    "ip",
    "launcher_dir",
    "log_dir",
    "logging_level",
    "master",
    "port",
    "quiet",
    "registry",
    "resources",
    "runtime_dir",
    "systemd_enable_support",
    "webui_dir",
    "work_dir",
];

pub fn rule(path: &str, key: &str) -> Rule {
    let is = |keys: &[&str]| keys.contains(&key);
    // The command is that of the executor which brought the cluster into its state.
    let is_command = path.ends_with("executor_info.command.value") || path.ends_with("].command.value");
    match key {
        "__processes__" => Rule::Actors,
        "flags" if path.ends_with("get_flags.flags") => Rule::FlagList,
        "flags" => Rule::Flags,
        "port" => Rule::Port,
        "hostname" | "master_hostname" => Rule::Host,
        "statuses" => Rule::InOrder,
        "nanoseconds" if path.ends_with("_time.nanoseconds") => Rule::Time,
        _ if is(TIMES) => Rule::Time,
        _ if is(AMOUNTS) => Rule::Amount,
        _ if is(IDENTITIES) => Rule::Identity,
        _ if is(OWN) || is_command => Rule::Own,
        _ => Rule::Exact,
    }
}

/// What is there or not by how the program was built, or by what was before. The recorded agent had registered with
/// another master first, which gave it its id; a new one says of its resources that they have the role `*`.
pub fn may_be_absent(path: &str, key: &str, value: &Value) -> bool {
    match key {
        "role" => path.starts_with("$.slaves.slaves[") && *value == "*",
        "reregistered_time" => true,
        _ => BUILD.contains(&key),
    }
}

pub fn is_of_a_place(flag: &str) -> bool {
    PLACES.contains(&flag)
}
