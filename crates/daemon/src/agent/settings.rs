// SPDX-License-Identifier: Apache-2.0

//! What the flags mean to an agent.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use kaon_agent::config::{Config, ReconfigurationPolicy, Recover};
use kaon_api::json::{Json, parse};
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{Attributes, Credential, Resources, Role};

use crate::access::agent_acls;
use crate::accounts;
use crate::credentials::read_one;
use crate::domain::domain;
use crate::flags::Flags;
use crate::host;
use crate::host::resources::{Share, offered};
use crate::version::VERSION;

/// Where an agent keeps things.
pub struct Folders {
    pub work_dir: PathBuf,
    pub runtime_dir: PathBuf,
}

impl Folders {
    /// Makes the folders, if need be. The error is a text for people.
    ///
    /// Without `--runtime_dir`, agents of one host get each its own, named after the work directory.
    pub fn of(flags: &mut Flags) -> Result<Folders, String> {
        let work_dir =
            flags.text("work_dir").ok_or("Flag 'work_dir' is required, but it was not provided")?;
        let fail =
            |error: std::io::Error| format!("The folder '{work_dir}' of --work_dir cannot be used: {error}");
        std::fs::create_dir_all(work_dir).map_err(fail)?;
        let work_dir = Path::new(work_dir).canonicalize().map_err(fail)?;
        let runtime_dir = match flags.text("runtime_dir") {
            Some(folder) => PathBuf::from(folder),
            None => host::default_runtime_dir().join(format!("kaon-{:08x}", digest(&work_dir))),
        };
        flags.set_text("work_dir", &work_dir.to_string_lossy());
        flags.set_text("runtime_dir", &runtime_dir.to_string_lossy());
        Ok(Folders { work_dir, runtime_dir })
    }

    /// What the host is told of the flags.
    pub fn settings(&self, config: &Config, flags: &Flags) -> host::Settings {
        host::Settings {
            work_dir: self.work_dir.clone(),
            runtime_dir: self.runtime_dir.clone(),
            recovery_timeout: config.recovery_timeout,
            strict: flags.boolean("strict"),
            disk: measures_disk(flags).then(|| host::DiskWatch {
                interval: flags.set_duration("container_disk_watch_interval"),
                enforce: flags.boolean("enforce_container_disk_quota"),
            }),
            fetcher: host::Fetcher {
                cache_dir: self.own(flags.text("fetcher_cache_dir").unwrap_or_default().as_ref()),
                cache_size: flags.set_bytes("fetcher_cache_size"),
                stall_timeout: flags.set_duration("fetcher_stall_timeout"),
                frameworks_home: flags
                    .text("frameworks_home")
                    .filter(|home| !home.is_empty())
                    .map(str::to_owned),
            },
        }
    }

    /// This agent's own part of a folder that the agents of a host have in common.
    fn own(&self, folder: &Path) -> PathBuf {
        folder.join(format!("kaon-{:08x}", digest(&self.work_dir)))
    }
}

fn digest(path: &Path) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(path.as_os_str().as_encoded_bytes());
    crc.sum()
}

/// The hostname is among the flags by now. The error is a text for people.
pub fn config(flags: &Flags, address: SocketAddrV4, folders: &Folders) -> Result<Config, String> {
    let hostname = flags.text("hostname").unwrap_or_default().to_owned();
    let boot_id =
        host::boot_id().map_err(|error| format!("The boot cannot be told: {error}; is /proc mounted?"))?;
    let text = |name: &str| flags.text(name).unwrap_or_default().to_owned();
    check_isolation(flags)?;
    Ok(Config {
        pid: Upid::new("slave(1)", address),
        info: v1::AgentInfo {
            hostname,
            port: Some(i32::from(address.port())),
            resources: resources(flags, &folders.work_dir)?.to_wire(),
            attributes: attributes(&text("attributes"))?.to_wire(),
            domain: flags.text("domain").map(domain).transpose()?,
            ..Default::default()
        },
        version: VERSION.to_owned(),
        work_dir: folders.work_dir.to_string_lossy().into_owned(),
        user: accounts::own_name(),
        switch_user: flags.boolean("switch_user"),
        registration_backoff_factor: flags.set_duration("registration_backoff_factor"),
        executor_registration_timeout: flags.set_duration("executor_registration_timeout"),
        executor_reregistration_timeout: flags.set_duration("executor_reregistration_timeout"),
        executor_shutdown_grace_period: flags.set_duration("executor_shutdown_grace_period"),
        recovery_timeout: flags.set_duration("recovery_timeout"),
        recover: match flags.text("recover") {
            Some("cleanup") => Recover::Cleanup,
            _ => Recover::Reconnect,
        },
        reconfiguration_policy: match flags.text("reconfiguration_policy") {
            Some("additive") => ReconfigurationPolicy::Additive,
            _ => ReconfigurationPolicy::Equal,
        },
        credential: credential(flags)?,
        run_tasks: flags
            .text("acls")
            .map(agent_acls)
            .transpose()
            .map_err(|error| error.to_string())?
            .unwrap_or_default(),
        authentication_backoff_factor: flags.set_duration("authentication_backoff_factor"),
        authentication_timeout_min: flags.set_duration("authentication_timeout_min"),
        authentication_timeout_max: flags.set_duration("authentication_timeout_max"),
        launcher_dir: text("launcher_dir"),
        libprocess_ip: libprocess_ip(flags, address),
        executor_environment_variables: variables(flags.text("executor_environment_variables"))?,
        gc_delay: flags.set_duration("gc_delay"),
        tells_updates: measures_disk(flags),
        max_completed_executors_per_framework: flags.set_count("max_completed_executors_per_framework"),
        boot_id,
        flags: flags.shown(),
    })
}

fn isolators(flags: &Flags) -> Vec<&str> {
    let words = flags.text("isolation").unwrap_or_default().split(',');
    words.filter(|word| !word.is_empty()).collect()
}

/// Mesos: the second name is the older one.
fn measures_disk(flags: &Flags) -> bool {
    isolators(flags).iter().any(|name| matches!(*name, "disk/du" | "posix/disk"))
}

fn check_isolation(flags: &Flags) -> Result<(), String> {
    let named = isolators(flags);
    if named.iter().collect::<BTreeSet<_>>().len() < named.len() {
        return Err(format!("Duplicate entries found in --isolation flag '{{ {} }}'", named.join(", ")));
    }
    if flags.boolean("enforce_container_disk_quota") && !measures_disk(flags) {
        tracing::warn!(
            "The flag '--enforce_container_disk_quota' has no effect without 'disk/du' among --isolation"
        );
    }
    Ok(())
}

/// Mesos: its flags set this variable, which its executors inherit.
fn libprocess_ip(flags: &Flags, address: SocketAddrV4) -> Option<String> {
    let discovered = flags.text("ip_discovery_command").map(|_| address.ip().to_string());
    let given = flags.text("ip").map(str::to_owned).or(discovered);
    given.or_else(|| std::env::var("LIBPROCESS_IP").ok())
}

fn credential(flags: &Flags) -> Result<Option<Credential>, String> {
    let read = flags.text("credential").map(read_one).transpose();
    read.map_err(|error| format!("{error} (see --credential flag)"))
}

/// What the flag says, and of cpus, mem, disk and ports, which it does not name, what the host has.
fn resources(flags: &Flags, work_dir: &Path) -> Result<Resources, String> {
    let role = flags.text("default_role").unwrap_or("*");
    let role = Role::new(role).map_err(|error| format!("Invalid --default_role: {error}"))?;
    offered(flags.text("resources"), &role, work_dir, Share::WHOLE).map_err(|error| error.to_string())
}

fn attributes(text: &str) -> Result<Attributes, String> {
    text.parse().map_err(|error| format!("Failed to parse --attributes '{text}': {error}"))
}

/// A JSON object of strings.
fn variables(text: Option<&str>) -> Result<BTreeMap<String, String>, String> {
    let Some(text) = text else { return Ok(BTreeMap::new()) };
    let bad = |reason: &str| format!("Failed to parse --executor_environment_variables: {reason}");
    let Json::Object(members) = parse(text.as_bytes()).map_err(|error| bad(&error.to_string()))? else {
        return Err(bad("Expecting a JSON object"));
    };
    let pair = |(name, value): (String, Json)| match value {
        Json::String(value) => Ok((name, value)),
        _ => Err(bad(&format!("'{name}' must be a string"))),
    };
    members.into_iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags;

    #[test]
    fn what_is_not_named_is_the_hosts() {
        let arguments =
            ["--resources=cpus(a):3;mem:100;extra:{x,y}".to_owned(), "--default_role=b".to_owned()];
        let flags = Flags::load(flags::agent::TABLE, arguments, []).unwrap();
        let resources = resources(&flags, Path::new("/")).unwrap();
        assert_eq!(resources.get_scalar("cpus").to_string(), "3");
        assert_eq!(resources.get_scalar("mem").to_string(), "100");
        assert!(resources.get_scalar("disk").to_string().parse::<f64>().unwrap() > 0.0);
        let roles: Vec<_> = resources.iter().filter_map(|r| r.reservation_role()).map(Role::as_str).collect();
        assert_eq!(roles.iter().filter(|role| **role == "a").count(), 1);
        assert_eq!(roles.iter().filter(|role| **role == "b").count(), 4);
    }

    #[test]
    fn isolators_are_named_once() {
        let flags = |isolation: &str| {
            Flags::load(flags::agent::TABLE, [format!("--isolation={isolation}")], []).unwrap()
        };
        for (isolation, measures) in
            [("posix/cpu,posix/mem", false), ("", false), ("disk/du", true), ("posix/mem,posix/disk", true)]
        {
            let flags = flags(isolation);
            assert_eq!((measures_disk(&flags), check_isolation(&flags)), (measures, Ok(())), "{isolation}");
        }
        let refused = check_isolation(&flags("disk/du,posix/cpu,disk/du")).unwrap_err();
        assert_eq!(refused, "Duplicate entries found in --isolation flag '{ disk/du, posix/cpu, disk/du }'");
    }

    #[test]
    fn variables_are_strings() {
        assert_eq!(variables(Some("{\"A\":\"b\"}")), Ok(BTreeMap::from([("A".into(), "b".into())])));
        assert!(
            variables(Some("{\"A\":1}")).is_err()
                && variables(Some("[]")).is_err()
                && variables(Some("")).is_err()
        );
    }
}
