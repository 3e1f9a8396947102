// SPDX-License-Identifier: Apache-2.0

//! The lists of `--acls`: who may take hosts out of service, and as whom tasks may run.

use std::collections::{BTreeMap, BTreeSet};

use kaon_master::Permission;
use kaon_model::{AccessList, AccessRule};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AclsError {
    #[error("--acls: cannot read '{path}': {error}")]
    Unreadable { path: String, error: String },
    #[error("--acls cannot be had, and what is not enforced must not seem to be: {0}")]
    NotUnderstood(String),
    #[error(
        "--acls: 'permissive' can be nothing but true in this version, which would not keep anybody from what it has no \
         list for"
    )]
    NotPermissive,
    #[error("--acls: rule {at} of '{list}' names single {objects}: their type must be either NONE or ANY")]
    SingleObjects { list: &'static str, at: usize, objects: &'static str },
}

/// What a master enforces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MasterAcls {
    operators: BTreeMap<Permission, AccessList>,
    pub run_tasks: AccessList,
}

impl MasterAcls {
    /// From JSON, or from the file of that name.
    pub fn read(text: &str) -> Result<MasterAcls, AclsError> {
        let lists: MasterLists = read(text)?;
        permissive(lists.permissive)?;
        let agents = |list, rules: Vec<OfAgents>| {
            whole(list, "agents", rules.into_iter().map(|rule| (rule.principals, rule.agents)))
        };
        let machines = |list, rules: Vec<OfMachines>| {
            whole(list, "machines", rules.into_iter().map(|rule| (rule.principals, rule.machines)))
        };
        let operators = [
            (
                Permission::UpdateMaintenanceSchedule,
                machines("update_maintenance_schedules", lists.update_maintenance_schedules)?,
            ),
            (Permission::StartMaintenance, machines("start_maintenances", lists.start_maintenances)?),
            (Permission::StopMaintenance, machines("stop_maintenances", lists.stop_maintenances)?),
            (Permission::DrainAgent, agents("drain_agents", lists.drain_agents)?),
            (Permission::DeactivateAgent, agents("deactivate_agents", lists.deactivate_agents)?),
            (Permission::ReactivateAgent, agents("reactivate_agents", lists.reactivate_agents)?),
            (Permission::MarkAgentGone, agents("mark_agents_gone", lists.mark_agents_gone)?),
        ];
        Ok(MasterAcls { operators: operators.into(), run_tasks: of_users(lists.run_tasks) })
    }

    /// What this caller may not do; without a name, where nobody is asked for one.
    pub fn denied(&self, principal: Option<&str>) -> BTreeSet<Permission> {
        let denied = self.operators.iter().filter(|(_, list)| !list.allows(principal, None));
        denied.map(|(permission, _)| *permission).collect()
    }
}

/// What an agent enforces: the list `run_tasks`. From JSON, or from the file of that name.
pub fn agent_acls(text: &str) -> Result<AccessList, AclsError> {
    let lists: AgentLists = read(text)?;
    permissive(lists.permissive)?;
    Ok(of_users(lists.run_tasks))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MasterLists {
    permissive: Option<bool>,
    update_maintenance_schedules: Vec<OfMachines>,
    start_maintenances: Vec<OfMachines>,
    stop_maintenances: Vec<OfMachines>,
    drain_agents: Vec<OfAgents>,
    deactivate_agents: Vec<OfAgents>,
    reactivate_agents: Vec<OfAgents>,
    mark_agents_gone: Vec<OfAgents>,
    run_tasks: Vec<OfUsers>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AgentLists {
    permissive: Option<bool>,
    run_tasks: Vec<OfUsers>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfAgents {
    principals: Entity,
    agents: Entity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfMachines {
    principals: Entity,
    machines: Entity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfUsers {
    principals: Entity,
    users: Entity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entity {
    #[serde(default)]
    r#type: Type,
    #[serde(default)]
    values: BTreeSet<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Type {
    #[default]
    Some,
    Any,
    None,
}

impl From<Entity> for kaon_model::Entity {
    fn from(entity: Entity) -> kaon_model::Entity {
        match entity.r#type {
            Type::Some => kaon_model::Entity::Some(entity.values),
            Type::Any => kaon_model::Entity::Any,
            Type::None => kaon_model::Entity::None,
        }
    }
}

fn read<Lists: DeserializeOwned>(text: &str) -> Result<Lists, AclsError> {
    let of_file;
    let text = if text.starts_with('/') {
        of_file = std::fs::read_to_string(text)
            .map_err(|error| AclsError::Unreadable { path: text.to_owned(), error: error.to_string() })?;
        &of_file
    } else {
        text
    };
    // The library would take a list for an object, member by member.
    if text.trim_start().starts_with('[') {
        return Err(AclsError::NotUnderstood("it is a list, and no JSON object".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| AclsError::NotUnderstood(error.to_string()))
}

fn permissive(given: Option<bool>) -> Result<(), AclsError> {
    if given == Some(false) { Err(AclsError::NotPermissive) } else { Ok(()) }
}

/// Mesos: agents and machines are all of them, or none; single ones cannot be named.
fn whole(
    list: &'static str,
    objects: &'static str,
    rules: impl Iterator<Item = (Entity, Entity)>,
) -> Result<AccessList, AclsError> {
    let rule = |(at, (principals, about)): (usize, (Entity, Entity))| match about.r#type {
        Type::Some => Err(AclsError::SingleObjects { list, at: at + 1, objects }),
        Type::Any | Type::None => Ok(AccessRule { principals: principals.into(), objects: about.into() }),
    };
    rules.enumerate().map(rule).collect::<Result<_, _>>().map(AccessList::new)
}

fn of_users(rules: Vec<OfUsers>) -> AccessList {
    let rule = |rule: OfUsers| AccessRule { principals: rule.principals.into(), objects: rule.users.into() };
    AccessList::new(rules.into_iter().map(rule).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(acls: &str, principal: Option<&str>) -> Vec<Permission> {
        MasterAcls::read(acls).unwrap().denied(principal).into_iter().collect()
    }

    #[test]
    fn the_first_rule_that_speaks_of_the_caller_counts() {
        let acls = r#"{"permissive": true, "drain_agents": [
            {"principals": {"values": ["alice", "bob"]}, "agents": {"type": "ANY"}},
            {"principals": {"values": ["carol"]}, "agents": {"type": "NONE"}},
            {"principals": {"type": "NONE"}, "agents": {"type": "ANY"}}],
            "mark_agents_gone": [{"principals": {"values": ["bob"]}, "agents": {"type": "NONE"}}]}"#;
        assert_eq!(denied(acls, Some("alice")), []);
        assert_eq!(denied(acls, Some("bob")), [Permission::MarkAgentGone]);
        assert_eq!(denied(acls, Some("carol")), [Permission::DrainAgent]);
        assert_eq!(denied(acls, Some("dave")), [Permission::DrainAgent]);
        assert_eq!(denied(acls, None), [Permission::DrainAgent]);
        assert_eq!(denied("{}", None), []);
        let nobody =
            r#"{"stop_maintenances": [{"principals": {"type": "ANY"}, "machines": {"type": "NONE"}}]}"#;
        assert_eq!(denied(nobody, Some("alice")), [Permission::StopMaintenance]);
    }

    #[test]
    fn both_daemons_read_as_whom_tasks_may_run() {
        let acls = r#"{"run_tasks": [
            {"principals": {"values": ["spark"]}, "users": {"type": "SOME", "values": ["alice"]}},
            {"principals": {"type": "NONE"}, "users": {"values": ["root"]}}]}"#;
        for list in [MasterAcls::read(acls).unwrap().run_tasks, agent_acls(acls).unwrap()] {
            assert!(list.allows(Some("spark"), Some("alice")) && !list.allows(Some("spark"), Some("root")));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (acls, why) in [
            ("", "EOF while parsing"),
            ("[]", "it is a list"),
            (
                r#"{"register_frameworks": []}"#,
                "unknown field `register_frameworks`, expected one of `permissive`",
            ),
            (r#"{"drain_agents": [], "drain_agents": []}"#, "duplicate field `drain_agents`"),
            (r#"{"permissive": false}"#, "'permissive' can be nothing but true"),
            (r#"{"permissive": "yes"}"#, "invalid type: string"),
            (r#"{"drain_agents": {}}"#, "expected a sequence"),
            (r#"{"drain_agents": [1]}"#, "invalid type: integer `1`"),
            (r#"{"drain_agents": [{"principals": {"type": "ANY"}}]}"#, "missing field `agents`"),
            (
                r#"{"drain_agents": [{"principals": {"type": "ANY"}, "agents": {"values": ["S0"]}}]}"#,
                "rule 1 of 'drain_agents' names single agents: their type must be either NONE or ANY",
            ),
            (
                r#"{"drain_agents": [{"principals": {"type": "ALL"}, "agents": {"type": "ANY"}}]}"#,
                "unknown variant `ALL`, expected one of `SOME`, `ANY`, `NONE`",
            ),
            (r#"{"drain_agents": [{"users": {}}]}"#, "unknown field `users`"),
            (r#"{"run_tasks": [{"principals": {"value": ["a"]}, "users": {}}]}"#, "unknown field `value`"),
        ] {
            let said = MasterAcls::read(acls).unwrap_err().to_string();
            assert!(said.contains(why), "{acls}: {said}");
        }
        let said = agent_acls(r#"{"drain_agents": []}"#).unwrap_err().to_string();
        assert!(
            said.contains("unknown field `drain_agents`, expected `permissive` or `run_tasks`"),
            "{said}"
        );
        let said = agent_acls("/no/such/file").unwrap_err().to_string();
        assert!(said.contains("cannot read '/no/such/file'"), "{said}");
    }
}
