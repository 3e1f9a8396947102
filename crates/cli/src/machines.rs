// SPDX-License-Identifier: Apache-2.0

//! Machines by the names that people give them.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use kaon_sdk::Operator;
use kaon_sdk::maintenance::Schedule;
use kaon_sdk::v1::MachineID;
use kaon_sdk::v1::maintenance::ClusterStatus;

/// All machines of a cluster: those with agents, and those that are scheduled or down.
pub struct Machines(Vec<Known>);

struct Known {
    machine: MachineID,
    /// What it may be called, in full.
    names: Vec<String>,
}

impl Machines {
    pub async fn of(
        operator: &Operator,
        schedule: &Schedule,
        status: &ClusterStatus,
    ) -> anyhow::Result<Machines> {
        let agents = operator.get_json("/slaves").await.context("cannot read the agents")?;
        let mut known = Vec::new();
        for agent in agents["slaves"].as_array().into_iter().flatten() {
            let text = |name: &str| agent[name].as_str().unwrap_or_default().to_owned();
            let (id, hostname, pid) = (text("id"), text("hostname"), text("pid"));
            // slave(1)@10.0.0.1:5051
            let ip = pid.rsplit_once('@').and_then(|(_, address)| address.rsplit_once(':'));
            let Some((ip, _)) = ip else { continue };
            let machine =
                MachineID { hostname: Some(hostname.clone()), ip: Some(ip.to_owned()), ..Default::default() };
            known.push(Known { machine, names: vec![id, hostname, ip.to_owned()] });
        }
        let planned = schedule.windows.iter().flat_map(|window| &window.machine_ids);
        for machine in planned.chain(&status.down_machines) {
            let names = [&machine.hostname, &machine.ip].into_iter().flatten().cloned();
            known.push(Known { machine: machine.clone(), names: names.collect() });
        }
        Ok(Machines(known))
    }

    /// The machines that are meant, each once: by host, address, id of an agent, the beginning of one of them where it
    /// means no other, or HOST/ADDRESS.
    pub fn find(&self, names: &[String]) -> anyhow::Result<Vec<MachineID>> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for name in names {
            let machine = self.find_one(name)?;
            if seen.insert(key(&machine)) {
                found.push(machine);
            }
        }
        Ok(found)
    }

    fn find_one(&self, name: &str) -> anyhow::Result<MachineID> {
        if let Some((hostname, ip)) = name.split_once('/') {
            let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            return Ok(MachineID { hostname: part(hostname), ip: part(ip), ..Default::default() });
        }
        let wanted = name.to_ascii_lowercase();
        let exact = self.matching(|known| known == wanted);
        let found = if exact.is_empty() { self.matching(|known| known.starts_with(&wanted)) } else { exact };
        match found.as_slice() {
            [] => bail!(
                "no agent and no scheduled machine is called '{name}'; HOST/ADDRESS names one that is not there"
            ),
            [machine] => Ok((*machine).clone()),
            several => {
                let shown: Vec<String> = several.iter().map(|machine| show(machine)).collect();
                bail!("'{name}' may be any of {}", shown.join(", "))
            }
        }
    }

    fn matching(&self, matches: impl Fn(&str) -> bool) -> Vec<&MachineID> {
        let mut seen = BTreeSet::new();
        let named = |known: &&Known| known.names.iter().any(|name| matches(&name.to_ascii_lowercase()));
        let found = self.0.iter().filter(named).map(|known| &known.machine);
        found.filter(|machine| seen.insert(key(machine))).collect()
    }
}

/// What tells machines apart. Mesos: both names must agree, the host's in letters of any size.
pub type Key = (Option<String>, Option<String>);

pub fn key(machine: &MachineID) -> Key {
    (machine.hostname.as_ref().map(|name| name.to_ascii_lowercase()), machine.ip.clone())
}

pub fn show(machine: &MachineID) -> String {
    let part = |name: &Option<String>| name.clone().unwrap_or_default();
    match (part(&machine.hostname), part(&machine.ip)) {
        (hostname, ip) if ip.is_empty() => hostname,
        (hostname, ip) if hostname.is_empty() => ip,
        (hostname, ip) => format!("{hostname}/{ip}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(hostname: &str, ip: &str) -> MachineID {
        MachineID { hostname: Some(hostname.into()), ip: Some(ip.into()), ..Default::default() }
    }

    #[test]
    fn a_machine_is_found_by_whatever_means_it_alone() {
        let known = |id: &str, hostname: &str, ip: &str| Known {
            machine: machine(hostname, ip),
            names: vec![id.into(), hostname.into(), ip.into()],
        };
        let all = Machines(vec![
            known("m-S0", "web1", "10.0.0.1"),
            known("m-S1", "Web10", "10.0.0.10"),
            known("m-S2", "db", "10.0.0.3"),
            known("m-S3", "db", "10.0.0.3"),
        ]);
        let find = |name: &str| all.find(&[name.to_owned()]).map_err(|error| error.to_string());
        assert_eq!(find("WEB1"), Ok(vec![machine("web1", "10.0.0.1")]));
        assert_eq!(find("web10"), Ok(vec![machine("Web10", "10.0.0.10")]));
        assert_eq!(find("10.0.0.1"), Ok(vec![machine("web1", "10.0.0.1")]));
        assert_eq!(find("m-S3"), Ok(vec![machine("db", "10.0.0.3")]));
        assert_eq!(find("d"), Ok(vec![machine("db", "10.0.0.3")]), "two agents, one machine");
        assert_eq!(find("web"), Err("'web' may be any of web1/10.0.0.1, Web10/10.0.0.10".into()));
        assert!(find("x").unwrap_err().contains("HOST/ADDRESS"));
        assert_eq!(find("new/10.0.0.9"), Ok(vec![machine("new", "10.0.0.9")]));
        let twice = ["db".to_owned(), "m-S2".to_owned()];
        assert_eq!(all.find(&twice).unwrap().len(), 1);
    }
}
