// SPDX-License-Identifier: Apache-2.0

//! Turns what the core wants launched into the containerizer's terms, and refuses what this version cannot give.
//!
//! Nothing that was asked for is passed over in silence: a task that counts on its isolation must not run without.

use std::path::PathBuf;
use std::time::Duration;

use kaon_agent::effect::Launch;
use kaon_api::v1;
use kaon_api::v1::container_info::Type;
use kaon_api::v1::linux_info::IpcMode;
use kaon_api::wire::Enumeration;
use kaon_containerizer::{Command, ContainerConfig, Resource, Rlimit};

/// Refuses, by name, all that cannot be had.
pub(super) fn check(launch: &Launch) -> Result<(), String> {
    let mut missing = Vec::new();
    // Limits of the container around it are those of an executor's own process, which is none.
    for container in launch.container_info.iter().chain(&launch.around) {
        of_container(container, &mut missing);
        if let Some(linux) = container.linux_info.as_deref() {
            of_linux(linux, &mut missing);
        }
    }
    let persistent = |resource: &&v1::Resource| {
        resource.disk.as_ref().is_some_and(|disk| disk.persistence.is_some() || disk.volume.is_some())
    };
    if launch.resources.iter().filter(persistent).count() > launch.volumes.len() {
        missing.push("persistent volumes on disks that are no folders");
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("This agent cannot provide what the container asks for: {}", missing.join(", ")))
}

fn of_container(container: &v1::ContainerInfo, missing: &mut Vec<&'static str>) {
    let image = container.mesos.as_ref().is_some_and(|mesos| mesos.image.is_some());
    let cases = [
        (container.r#type == Type::Docker, "a container of type DOCKER"),
        (container.r#type != Type::Docker && container.docker.is_some(), "DockerInfo ('docker')"),
        (image, "an image ('mesos.image')"),
        (!container.volumes.is_empty(), "volumes ('volumes')"),
        (container.hostname.is_some(), "a host name of its own ('hostname')"),
        (container.network_infos.iter().any(is_own_network), "a network of its own ('network_infos')"),
        (container.tty_info.is_some(), "a terminal ('tty_info')"),
    ];
    missing.extend(cases.iter().filter(|(asked, _)| *asked).map(|(_, what)| *what));
}

/// Mesos: a network without a name is the host's.
fn is_own_network(network: &v1::NetworkInfo) -> bool {
    let wants_address = network.ip_addresses.iter().any(|address| address.ip_address.is_some());
    network.name.is_some() || !network.groups.is_empty() || !network.port_mappings.is_empty() || wants_address
}

fn of_linux(linux: &v1::LinuxInfo, missing: &mut Vec<&'static str>) {
    let capabilities = [&linux.capability_info, &linux.bounding_capabilities, &linux.effective_capabilities];
    let confined = linux.seccomp.as_ref().is_some_and(|seccomp| seccomp.profile_name.is_some());
    let cases = [
        (capabilities.iter().any(|set| set.is_some()), "capabilities ('linux_info')"),
        (confined, "a seccomp profile ('linux_info.seccomp')"),
        (linux.ipc_mode == Some(IpcMode::Private), "an IPC namespace of its own ('linux_info.ipc_mode')"),
        (linux.shm_size.is_some(), "a size of shared memory ('linux_info.shm_size')"),
        (linux.share_cgroups == Some(false), "cgroups of its own ('linux_info.share_cgroups')"),
    ];
    missing.extend(cases.iter().filter(|(asked, _)| *asked).map(|(_, what)| *what));
}

pub(super) fn config(
    launch: Launch,
    sandbox: PathBuf,
    recovery_timeout: Duration,
) -> Result<ContainerConfig, String> {
    let limits = launch.container_info.as_ref().and_then(|container| container.rlimit_info.as_ref());
    let rlimits = limits.iter().flat_map(|limits| &limits.rlimits).map(rlimit).collect::<Result<_, _>>()?;
    let v1::CommandInfo { shell, value, arguments, .. } = launch.command;
    Ok(ContainerConfig {
        // Mesos: a command is a script unless it says otherwise.
        command: Command { shell: shell.unwrap_or(true), value, arguments },
        environment: launch.environment,
        user: launch.user,
        sandbox,
        rlimits,
        die_with_agent: launch.dies_with_agent,
        recovery_timeout,
    })
}

fn rlimit(limit: &v1::r_limit_info::RLimit) -> Result<Rlimit, String> {
    let kind = limit.r#type.ok_or("A limit of 'rlimit_info' has no type")?;
    let resource = Resource::from_wire_name(kind.name())
        .ok_or_else(|| format!("{} in 'rlimit_info' is not a limit that can be set", kind.name()))?;
    Ok(Rlimit { resource, soft: limit.soft, hard: limit.hard })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch() -> Launch {
        Launch {
            container: "c".into(),
            sandbox: String::new(),
            command: v1::CommandInfo::default(),
            environment: Vec::new(),
            user: None,
            container_info: None,
            around: None,
            resources: Vec::new(),
            volumes: Vec::new(),
            dies_with_agent: false,
        }
    }

    fn refusal(container: v1::ContainerInfo) -> String {
        let launch = Launch { container_info: Some(Box::new(container)), ..launch() };
        check(&launch).err().unwrap_or_default()
    }

    fn linux(linux: v1::LinuxInfo) -> v1::ContainerInfo {
        mesos(|container| container.linux_info = Some(Box::new(linux)))
    }

    fn mesos(change: impl FnOnce(&mut v1::ContainerInfo)) -> v1::ContainerInfo {
        let mut container = v1::ContainerInfo { r#type: Type::Mesos, ..Default::default() };
        change(&mut container);
        container
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        let network = |name: &str| v1::NetworkInfo { name: Some(name.into()), ..Default::default() };
        let set = || Some(v1::CapabilityInfo::default());
        for (container, named) in [
            (v1::ContainerInfo { r#type: Type::Docker, ..Default::default() }, "type DOCKER"),
            (mesos(|c| c.docker = Some(Default::default())), "'docker'"),
            (mesos(|c| c.mesos.get_or_insert_default().image = Some(Default::default())), "'mesos.image'"),
            (mesos(|c| c.volumes.push(v1::Volume::default())), "'volumes'"),
            (mesos(|c| c.hostname = Some("h".into())), "'hostname'"),
            (mesos(|c| c.network_infos.push(network("calico"))), "'network_infos'"),
            // A17, IO_SWITCHBOARD_EXITED, cannot come: nothing has a terminal.
            (mesos(|c| c.tty_info = Some(v1::TTYInfo::default())), "'tty_info'"),
            (linux(v1::LinuxInfo { bounding_capabilities: set(), ..Default::default() }), "capabilities"),
            (linux(v1::LinuxInfo { ipc_mode: Some(IpcMode::Private), ..Default::default() }), "ipc_mode"),
            (linux(v1::LinuxInfo { shm_size: Some(64), ..Default::default() }), "shm_size"),
            (linux(v1::LinuxInfo { share_cgroups: Some(false), ..Default::default() }), "share_cgroups"),
        ] {
            let refusal = refusal(container);
            assert!(refusal.contains(named), "{named}: {refusal:?}");
        }
        let both = refusal(mesos(|c| {
            c.hostname = Some("h".into());
            c.volumes.push(v1::Volume::default());
        }));
        assert!(both.contains("'volumes'") && both.contains("'hostname'"), "{both}");
        let around = mesos(|c| c.network_infos.push(network("calico")));
        let launch = Launch { around: Some(Box::new(around)), ..launch() };
        assert!(check(&launch).is_err_and(|refusal| refusal.contains("'network_infos'")), "of the executor");
    }

    #[test]
    fn what_is_so_anyway_is_not_refused() {
        let plain = v1::LinuxInfo {
            share_pid_namespace: Some(true),
            ipc_mode: Some(IpcMode::ShareParent),
            share_cgroups: Some(true),
            ..Default::default()
        };
        for container in
            [mesos(|_| {}), mesos(|c| c.network_infos.push(v1::NetworkInfo::default())), linux(plain)]
        {
            assert_eq!(refusal(container), "");
        }
    }

    #[test]
    fn volumes_that_have_no_folder_are_refused() {
        let volume = v1::resource::DiskInfo { volume: Some(v1::Volume::default()), ..Default::default() };
        let mut disk = v1::Resource { name: "disk".into(), ..Default::default() };
        disk.disk = Some(volume.into());
        let launch = Launch { resources: vec![disk], ..launch() };
        assert!(check(&launch).expect_err("refused").contains("persistent volumes"));
    }

    #[test]
    fn what_was_ordered_is_what_is_launched() {
        let command = v1::CommandInfo {
            shell: Some(false),
            value: Some("/bin/echo".into()),
            arguments: vec!["echo".into(), "a".into()],
            ..Default::default()
        };
        let timeout = Duration::from_secs(9);
        let ordered = Launch {
            command,
            environment: vec![("A".into(), "b".into())],
            user: Some("nobody".into()),
            dies_with_agent: true,
            ..launch()
        };
        let expected = ContainerConfig {
            command: Command::program("/bin/echo", ["echo", "a"]),
            environment: vec![("A".into(), "b".into())],
            user: Some("nobody".into()),
            sandbox: "/s".into(),
            rlimits: Vec::new(),
            die_with_agent: true,
            recovery_timeout: timeout,
        };
        assert_eq!(config(ordered, "/s".into(), timeout), Ok(expected));
        let plain = config(launch(), "/s".into(), timeout).expect("can be had");
        assert!(plain.command.shell && !plain.die_with_agent, "as Mesos has it by default");
    }

    #[test]
    fn limits_keep_their_names_and_bounds() {
        use v1::r_limit_info::{RLimit, r_limit};
        let limit = RLimit {
            r#type: Some(r_limit::Type::RlmtNofile),
            soft: Some(64),
            hard: Some(128),
            ..Default::default()
        };
        let expected = Rlimit { resource: Resource::OpenFiles, soft: Some(64), hard: Some(128) };
        assert_eq!(rlimit(&limit), Ok(expected));
        assert!(rlimit(&RLimit::default()).is_err());
    }
}
