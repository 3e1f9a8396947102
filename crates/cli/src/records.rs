// SPDX-License-Identifier: Apache-2.0

//! Reads a master's state into records with names of our own, the same for every form of output.
//!
//! The source is `/state`, which every master of Mesos's kind has.

mod machines;
mod table;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use machines::{MACHINES, machines};
pub use table::{AGENTS, FRAMEWORKS, TASKS, describe_cluster, short_id};

/// Resources that everything has an amount of.
const RESOURCES: [&str; 4] = ["cpus", "mem", "disk", "gpus"];

/// The cluster as a whole.
pub fn cluster(state: &Value) -> Value {
    let agents = array(&state["slaves"]);
    let frameworks = array(&state["frameworks"]);
    let mut tasks: BTreeMap<String, u64> = BTreeMap::new();
    for task in all_tasks(state, true) {
        *tasks.entry(short_state(&task["state"])).or_default() += 1;
    }
    let active = frameworks.iter().filter(|framework| framework["active"] == true).count();
    let mut resources = Map::new();
    for name in RESOURCES {
        let sum = |of: &str| agents.iter().filter_map(|agent| agent[of][name].as_f64()).sum::<f64>();
        let (total, used, offered) = (sum("resources"), sum("used_resources"), sum("offered_resources"));
        resources.insert(name.into(), json!({ "total": total, "used": used, "offered": offered }));
    }
    json!({
        "master": address_of_pid(&state["pid"]),
        "leader": address_of_pid(&state["leader"]),
        "id": state["id"],
        "hostname": state["hostname"],
        "cluster": state["cluster"],
        "version": state["version"],
        "started": state["start_time"],
        "agents": {
            "active": state["activated_slaves"],
            "inactive": state["deactivated_slaves"],
            "unreachable": state["unreachable_slaves"],
            "recovering": array(&state["recovered_slaves"]).len(),
        },
        "frameworks": {
            "active": active,
            "inactive": frameworks.len() - active,
            "completed": array(&state["completed_frameworks"]).len(),
        },
        "tasks": tasks,
        "resources": resources,
    })
}

/// The agents, those first that are expected back.
pub fn agents(state: &Value) -> Vec<Value> {
    let mut tasks: BTreeMap<&str, u64> = BTreeMap::new();
    for task in array(&state["frameworks"]).iter().flat_map(|framework| array(&framework["tasks"])) {
        *tasks.entry(text(&task["slave_id"])).or_default() += 1;
    }
    let recovering = array(&state["recovered_slaves"]).iter().map(|agent| (agent, "recovering"));
    let registered = array(&state["slaves"]).iter().map(|agent| (agent, agent_state(agent)));
    let record = |(agent, its_state): (&Value, &str)| {
        agent_record(agent, its_state, tasks.get(text(&agent["id"])).copied().unwrap_or(0))
    };
    recovering.chain(registered).map(record).collect()
}

fn agent_record(agent: &Value, its_state: &str, tasks: u64) -> Value {
    json!({
        "id": agent["id"],
        "hostname": agent["hostname"],
        "address": address_of_pid(&agent["pid"]),
        "state": its_state,
        "tasks": tasks,
        "resources": agent["resources"],
        "used": agent["used_resources"],
        "offered": agent["offered_resources"],
        "attributes": agent["attributes"],
        "version": agent["version"],
        "registered": agent["registered_time"],
    })
}

/// The agents of which a registry says that they are unreachable. Of such a one the master knows no more than its tasks.
pub fn unreachable_agents(state: &Value, registry: &Value) -> Vec<Value> {
    let mut tasks: BTreeMap<&str, u64> = BTreeMap::new();
    for task in
        array(&state["frameworks"]).iter().flat_map(|framework| array(&framework["unreachable_tasks"]))
    {
        *tasks.entry(text(&task["slave_id"])).or_default() += 1;
    }
    let ids = array(&registry["unreachable"]["slaves"]).iter().map(|agent| &agent["id"]["value"]);
    let record = |id: &Value| {
        agent_record(&json!({ "id": id }), "unreachable", tasks.get(text(id)).copied().unwrap_or(0))
    };
    // One may have come back between two looks.
    ids.filter(|id| !is_registered(state, id)).map(record).collect()
}

/// The frameworks, with those that have ended if `all` is set.
pub fn frameworks(state: &Value, all: bool) -> Vec<Value> {
    let record = |(framework, ended): (&Value, bool)| {
        let roles = match &framework["roles"] {
            Value::Array(roles) => Value::from(roles.clone()),
            _ => json!([framework["role"]]),
        };
        json!({
            "id": framework["id"],
            "name": framework["name"],
            "roles": roles,
            "user": framework["user"],
            "principal": framework["principal"],
            "hostname": framework["hostname"],
            "webui": framework["webui_url"],
            "state": framework_state(framework, ended),
            "tasks": array(&framework["tasks"]).len(),
            "used": framework["used_resources"],
            "offered": framework["offered_resources"],
            "registered": framework["registered_time"],
            "ended": framework["unregistered_time"].as_f64().filter(|time| *time > 0.0),
        })
    };
    all_frameworks(state).filter(|(_, ended)| all || !ended).map(record).collect()
}

/// The tasks, with those that have ended if `all` is set.
pub fn tasks(state: &Value, all: bool) -> Vec<Value> {
    let mut agents: BTreeMap<&str, &Value> = BTreeMap::new();
    agents.extend(array(&state["slaves"]).iter().map(|agent| (text(&agent["id"]), agent)));
    let names: BTreeMap<&str, &str> = all_frameworks(state)
        .map(|(framework, _)| (text(&framework["id"]), text(&framework["name"])))
        .collect();
    let record = |task: &Value| {
        let agent = agents.get(text(&task["slave_id"]));
        let statuses = array(&task["statuses"]);
        let id = text(&task["id"]);
        // Mesos: the executor of a command task has the task's id, and is not named.
        let executor = if text(&task["executor_id"]).is_empty() { id } else { text(&task["executor_id"]) };
        let container =
            statuses.iter().rev().map(|status| &status["container_status"]["container_id"]["value"]);
        json!({
            "id": id,
            "name": task["name"],
            "state": short_state(&task["state"]),
            "framework_id": task["framework_id"],
            "framework": names.get(text(&task["framework_id"])),
            "agent_id": task["slave_id"],
            "hostname": agent.map(|agent| &agent["hostname"]),
            "agent_address": agent.and_then(|agent| address_of_pid(&agent["pid"])),
            "executor_id": executor,
            "container_id": container.into_iter().find(|container| container.is_string()),
            "role": task["role"],
            "user": task["user"],
            "resources": task["resources"],
            "first_update": statuses.first().map(|status| &status["timestamp"]),
            "last_update": statuses.last().map(|status| &status["timestamp"]),
        })
    };
    all_tasks(state, all).map(record).collect()
}

/// The tasks of the framework that is called so, if there is, or was, such a framework.
pub fn tasks_of(state: &Value, all: bool, framework: &str) -> Option<Vec<Value>> {
    let mut frameworks = all_frameworks(state).map(|(known, _)| (&known["id"], &known["name"]));
    frameworks.find(|(id, name)| is_called(id, name, framework))?;
    let mut tasks = tasks(state, all);
    tasks.retain(|task| is_called(&task["framework_id"], &task["framework"], framework));
    Some(tasks)
}

/// Whether this is a name of the framework, or its id, whole or as tables show it.
fn is_called(id: &Value, name: &Value, wanted: &str) -> bool {
    *id == *wanted || *name == *wanted || short_id(text(id)) == wanted
}

/// Whether the master has heard of this agent since it leads.
pub fn is_registered(state: &Value, id: &Value) -> bool {
    array(&state["slaves"]).iter().any(|agent| agent["id"] == *id)
}

/// Each framework, and whether it has ended.
fn all_frameworks(state: &Value) -> impl Iterator<Item = (&Value, bool)> {
    let living = array(&state["frameworks"]).iter().map(|framework| (framework, false));
    living.chain(array(&state["completed_frameworks"]).iter().map(|framework| (framework, true)))
}

fn all_tasks(state: &Value, all: bool) -> impl Iterator<Item = &Value> {
    all_frameworks(state).filter(move |(_, ended)| all || !ended).flat_map(move |(framework, _)| {
        let living = array(&framework["tasks"]).iter().chain(array(&framework["unreachable_tasks"]));
        let ended: &[Value] = if all { array(&framework["completed_tasks"]) } else { &[] };
        living.chain(ended)
    })
}

fn agent_state(agent: &Value) -> &'static str {
    match text(&agent["drain_info"]["state"]) {
        "DRAINING" => "draining",
        "DRAINED" => "drained",
        // Mesos: one that is deactivated is not active either.
        _ if agent["deactivated"] == true => "deactivated",
        _ if agent["active"] != true => "disconnected",
        _ => "active",
    }
}

fn framework_state(framework: &Value, ended: bool) -> &'static str {
    if ended {
        return "completed";
    }
    match (&framework["active"], &framework["connected"]) {
        (Value::Bool(true), _) => "active",
        (_, Value::Bool(false)) => "disconnected",
        _ => "inactive",
    }
}

/// `running`, from `TASK_RUNNING`.
fn short_state(state: &Value) -> String {
    let state = text(state);
    state.strip_prefix("TASK_").unwrap_or(state).to_ascii_lowercase()
}

/// `ip:port`, from `slave(1)@ip:port`.
fn address_of_pid(pid: &Value) -> Option<&str> {
    pid.as_str()?.split_once('@').map(|(_, address)| address)
}

/// Nothing where there is no array.
fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Nothing where there is no text.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> Value {
        let task = |id: &str, state: &str| {
            json!({
                "id": id, "name": id, "framework_id": "F", "slave_id": "S", "executor_id": "", "state": state,
                "role": "*", "resources": { "cpus": 1.0, "mem": 32.0 },
                "statuses": [
                    { "state": "TASK_RUNNING", "timestamp": 10.0, "container_status": { "container_id": { "value": "C" } } },
                    { "state": state, "timestamp": 20.0 }
                ]
            })
        };
        json!({
            "pid": "master@127.0.0.1:5050", "leader": "master@127.0.0.1:5050", "version": "1.11.0",
            "activated_slaves": 1.0, "deactivated_slaves": 0.0, "unreachable_slaves": 0.0,
            "slaves": [{
                "id": "S", "hostname": "h", "pid": "slave(1)@10.0.0.1:5051", "active": true, "deactivated": false,
                "resources": { "cpus": 4.0, "mem": 1024.0 }, "used_resources": { "cpus": 1.0, "mem": 32.0 },
                "offered_resources": { "cpus": 0.0 }
            }],
            "recovered_slaves": [{ "id": "R", "hostname": "r" }],
            "frameworks": [{
                "id": "F", "name": "f", "active": true, "connected": true, "role": "*",
                "tasks": [task("t1", "TASK_RUNNING")], "completed_tasks": [task("t2", "TASK_FINISHED")],
                "unreachable_tasks": [task("t3", "TASK_UNREACHABLE")]
            }],
            "completed_frameworks": [{ "id": "G", "name": "g", "roles": ["a", "b"], "tasks": [], "unregistered_time": 5.0 }]
        })
    }

    #[test]
    fn the_cluster_is_summed_up() {
        let cluster = cluster(&state());
        assert_eq!(cluster["master"], "127.0.0.1:5050");
        assert_eq!(cluster["tasks"], json!({ "finished": 1, "running": 1, "unreachable": 1 }));
        assert_eq!(cluster["resources"]["cpus"], json!({ "total": 4.0, "used": 1.0, "offered": 0.0 }));
        assert_eq!(cluster["frameworks"], json!({ "active": 1, "inactive": 0, "completed": 1 }));
    }

    #[test]
    fn agents_and_frameworks_have_a_state() {
        let agents = agents(&state());
        let shown: Vec<_> = agents.iter().map(|agent| (text(&agent["id"]), text(&agent["state"]))).collect();
        assert_eq!(shown, [("R", "recovering"), ("S", "active")]);
        assert_eq!((&agents[1]["tasks"], &agents[1]["address"]), (&json!(1), &json!("10.0.0.1:5051")));
        assert_eq!(frameworks(&state(), false).len(), 1);
        let frameworks = frameworks(&state(), true);
        assert_eq!((&frameworks[0]["roles"], &frameworks[1]["roles"]), (&json!(["*"]), &json!(["a", "b"])));
        assert_eq!(frameworks[1]["state"], "completed");
        for (agent, expected) in [
            (json!({ "active": false }), "disconnected"),
            (json!({ "active": false, "deactivated": true }), "deactivated"),
            (json!({ "active": true, "drain_info": { "state": "DRAINING" } }), "draining"),
        ] {
            assert_eq!(agent_state(&agent), expected);
        }
    }

    #[test]
    fn unreachable_agents_are_those_that_the_registry_names_and_nobody_has_seen_since() {
        let registry =
            json!({ "unreachable": { "slaves": [{ "id": { "value": "U" } }, { "id": { "value": "S" } }] } });
        let mut state = state();
        state["frameworks"][0]["unreachable_tasks"][0]["slave_id"] = json!("U");
        let agents = unreachable_agents(&state, &registry);
        let shown: Vec<_> =
            agents.iter().map(|agent| (text(&agent["id"]), text(&agent["state"]), &agent["tasks"])).collect();
        assert_eq!(shown, [("U", "unreachable", &json!(1))]);
        assert!(unreachable_agents(&state, &Value::Null).is_empty());
    }

    #[test]
    fn tasks_know_where_their_output_is() {
        let shown =
            |all| tasks(&state(), all).iter().map(|task| text(&task["id"]).to_owned()).collect::<Vec<_>>();
        assert_eq!(shown(false), ["t1", "t3"]);
        assert_eq!(shown(true), ["t1", "t3", "t2"]);
        let task = &tasks(&state(), true)[2];
        assert_eq!((&task["executor_id"], &task["container_id"]), (&json!("t2"), &json!("C")));
        assert_eq!((&task["agent_address"], &task["state"]), (&json!("10.0.0.1:5051"), &json!("finished")));
        assert_eq!((&task["first_update"], &task["last_update"]), (&json!(10.0), &json!(20.0)));
    }

    #[test]
    fn a_framework_is_called_by_its_name_its_id_or_what_tables_show_of_it() {
        let mut state = state();
        state["frameworks"][0]["id"] = json!("9faade45-1d0c-0007");
        for task in state["frameworks"][0]["tasks"].as_array_mut().unwrap() {
            task["framework_id"] = json!("9faade45-1d0c-0007");
        }
        for name in ["f", "9faade45-1d0c-0007", "9faade45-0007"] {
            assert_eq!(tasks_of(&state, false, name).unwrap()[0]["id"], "t1", "{name}");
        }
        assert_eq!(tasks_of(&state, true, "g"), Some(vec![]), "it has ended, without a task");
        assert_eq!(tasks_of(&state, true, "9faade45"), None);
    }

    #[test]
    fn a_state_without_anything_in_it_is_an_empty_cluster() {
        let empty = json!({});
        assert!(
            agents(&empty).is_empty()
                && frameworks(&empty, true).is_empty()
                && tasks(&empty, true).is_empty()
        );
        assert_eq!(cluster(&empty)["agents"]["recovering"], 0);
    }
}
