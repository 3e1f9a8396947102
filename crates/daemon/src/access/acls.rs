// SPDX-License-Identifier: Apache-2.0

//! The lists of `--acls`: who may take hosts out of service.
//!
//! Mesos: in each list the first rule counts that speaks of the caller; where none does, the caller may.

use std::collections::{BTreeMap, BTreeSet};

use kaon_master::Permission;
use serde_json::{Map, Value};

/// Each list with what it allows, and what its rules call the things that it is about.
const LISTS: [(&str, Permission, &str); 7] = [
    ("update_maintenance_schedules", Permission::UpdateMaintenanceSchedule, "machines"),
    ("start_maintenances", Permission::StartMaintenance, "machines"),
    ("stop_maintenances", Permission::StopMaintenance, "machines"),
    ("drain_agents", Permission::DrainAgent, "agents"),
    ("deactivate_agents", Permission::DeactivateAgent, "agents"),
    ("reactivate_agents", Permission::ReactivateAgent, "agents"),
    ("mark_agents_gone", Permission::MarkAgentGone, "agents"),
];

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AclsError {
    #[error("--acls: cannot read '{path}': {error}")]
    Unreadable { path: String, error: String },
    #[error("--acls is not a JSON object: {0}")]
    NotJson(String),
    #[error(
        "--acls: the list '{0}' is not enforced by this version, and must not seem to be. Those that are: {known}",
        known = LISTS.map(|(name, ..)| name).join(", ")
    )]
    NotEnforced(String),
    #[error(
        "--acls: 'permissive' can be nothing but true in this version, which would not keep anybody from what it has no \
         list for"
    )]
    NotPermissive,
    #[error("--acls: rule {at} of '{list}' {what}")]
    Rule { list: &'static str, at: usize, what: String },
}

/// Whom, or what, a rule speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entity {
    Any,
    None,
    Some(BTreeSet<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    principals: Entity,
    /// Mesos: all of the agents or machines, or none of them; single ones cannot be named.
    all_objects: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acls(BTreeMap<Permission, Vec<Rule>>);

impl Acls {
    /// From JSON, or from the file of that name.
    pub fn read(text: &str) -> Result<Acls, AclsError> {
        if !text.starts_with('/') {
            return Acls::parse(text);
        }
        let read = std::fs::read_to_string(text);
        let unreadable =
            |error: std::io::Error| AclsError::Unreadable { path: text.to_owned(), error: error.to_string() };
        Acls::parse(&read.map_err(unreadable)?)
    }

    fn parse(text: &str) -> Result<Acls, AclsError> {
        let lists: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| AclsError::NotJson(error.to_string()))?;
        let mut acls = Acls::default();
        for (name, value) in lists {
            if name == "permissive" {
                if value != Value::Bool(true) {
                    return Err(AclsError::NotPermissive);
                }
                continue;
            }
            let known = LISTS.into_iter().find(|(list, ..)| *list == name);
            let (list, permission, objects) = known.ok_or(AclsError::NotEnforced(name))?;
            let no_list = || AclsError::Rule {
                list,
                at: 1,
                what: "is missing: a list of rules is expected".to_owned(),
            };
            let mut rules = Vec::new();
            for (at, value) in value.as_array().ok_or_else(no_list)?.iter().enumerate() {
                rules.push(rule(value, objects).map_err(|what| AclsError::Rule {
                    list,
                    at: at + 1,
                    what,
                })?);
            }
            acls.0.insert(permission, rules);
        }
        Ok(acls)
    }

    /// What this caller may not do; without a name, where nobody is asked for one.
    pub fn denied(&self, principal: Option<&str>) -> BTreeSet<Permission> {
        let denied = |rules: &Vec<Rule>| {
            let first = rules.iter().find(|rule| rule.speaks_of(principal));
            first.is_some_and(|rule| !rule.allows())
        };
        self.0.iter().filter(|(_, rules)| denied(rules)).map(|(permission, _)| *permission).collect()
    }
}

impl Rule {
    fn speaks_of(&self, principal: Option<&str>) -> bool {
        match &self.principals {
            Entity::Any | Entity::None => true,
            Entity::Some(named) => principal.is_some_and(|principal| named.contains(principal)),
        }
    }

    /// Whether those of whom it speaks may.
    fn allows(&self) -> bool {
        self.all_objects && self.principals != Entity::None
    }
}

fn rule(value: &Value, objects: &str) -> Result<Rule, String> {
    let members = value.as_object().ok_or("is not an object")?;
    if let Some(strange) = members.keys().find(|key| *key != "principals" && *key != objects) {
        return Err(format!("has a member '{strange}', where 'principals' and '{objects}' are expected"));
    }
    let of = |name: &str| {
        let told = members.get(name).ok_or_else(|| format!("lacks '{name}'"))?;
        entity(told).map_err(|what| format!("{what} in '{name}'"))
    };
    let all_objects = match of(objects)? {
        Entity::Any => true,
        Entity::None => false,
        // Mesos: so too.
        Entity::Some(_) => {
            return Err(format!("names single {objects}: their type must be either NONE or ANY"));
        }
    };
    Ok(Rule { principals: of("principals")?, all_objects })
}

fn entity(value: &Value) -> Result<Entity, String> {
    let members = value.as_object().ok_or("has no object")?;
    let named = |value: &Value| value.as_str().map(str::to_owned).ok_or("has a value that is no string");
    let values = members.get("values").map(|values| values.as_array().ok_or("has 'values' that are no list"));
    let values: BTreeSet<String> =
        values.transpose()?.into_iter().flatten().map(named).collect::<Result<_, _>>()?;
    if let Some(strange) = members.keys().find(|key| *key != "type" && *key != "values") {
        return Err(format!("has a member '{strange}'"));
    }
    match members.get("type").map(|kind| kind.as_str().unwrap_or_default()) {
        None | Some("SOME") => Ok(Entity::Some(values)),
        Some("ANY") => Ok(Entity::Any),
        Some("NONE") => Ok(Entity::None),
        Some(_) => Err("has a type other than SOME, ANY and NONE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(acls: &str, principal: Option<&str>) -> Vec<Permission> {
        Acls::parse(acls).unwrap().denied(principal).into_iter().collect()
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
    fn what_is_not_understood_is_refused() {
        for (acls, why) in [
            ("", "--acls is not a JSON object"),
            ("[]", "--acls is not a JSON object"),
            (r#"{"run_tasks": []}"#, "the list 'run_tasks' is not enforced by this version"),
            (r#"{"permissive": false}"#, "'permissive' can be nothing but true"),
            (r#"{"drain_agents": {}}"#, "rule 1 of 'drain_agents' is missing"),
            (r#"{"drain_agents": [1]}"#, "rule 1 of 'drain_agents' is not an object"),
            (r#"{"drain_agents": [{"principals": {"type": "ANY"}}]}"#, "lacks 'agents'"),
            (
                r#"{"drain_agents": [{"principals": {"type": "ANY"}, "agents": {"values": ["S0"]}}]}"#,
                "their type must be either NONE or ANY",
            ),
            (
                r#"{"drain_agents": [{"principals": {"type": "ALL"}, "agents": {"type": "ANY"}}]}"#,
                "has a type other than SOME, ANY and NONE in 'principals'",
            ),
            (r#"{"drain_agents": [{"users": {}}]}"#, "has a member 'users'"),
        ] {
            let said = Acls::parse(acls).unwrap_err().to_string();
            assert!(said.contains(why), "{acls}: {said}");
        }
        assert!(Acls::read("/no/such/file").unwrap_err().to_string().contains("cannot read '/no/such/file'"));
    }
}
