// SPDX-License-Identifier: Apache-2.0

//! Brings a fresh cluster into the state that the recordings suppose.
//!
//! Recorded were a master and an agent with `cpus:4;mem:1024;disk:1024;ports:[31000-32000]`, both by the host name
//! `localhost`; a framework of the old driver had come and gone, and three of the v1 API, one of which had run ten tasks under
//! an executor of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::compare::Places;
use crate::framework::{Framework, text};
use crate::http;
use crate::peer;
use crate::random;

/// Bound: how long the cluster may take to settle after each step.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// The folder of the agent that was recorded.
const RECORDED_FOLDER: &str = "/var/lib/mesos/agent";

pub struct Cluster {
    pub master: String,
    pub agent: String,
    /// The command of the suite's executor.
    pub executor: String,
    pub places: Places,
}

impl Cluster {
    /// Looks around. A cluster in which frameworks run is refused, unless they may be torn down.
    pub fn find(master: &str, agent: Option<&str>, executor: &str, clear: bool) -> Result<Cluster> {
        let known = known_agent(master)?;
        let agent = agent.unwrap_or(&known);
        let flags = http::get(agent, "/slave(1)/flags")?;
        let port = |address: &str| -> Result<u16> {
            let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
            port.with_context(|| format!("'{address}' is not of the form HOST:PORT"))
        };
        let places = Places {
            recorded_folder: RECORDED_FOLDER.to_owned(),
            folder: text(&flags, "/flags/work_dir")?.to_owned(),
            ports: vec![port(master)?, port(agent)?],
            host: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
        };
        let cluster = Cluster {
            master: master.to_owned(),
            agent: agent.to_owned(),
            executor: executor.to_owned(),
            places,
        };
        cluster.require_no_frameworks(clear)?;
        Ok(cluster)
    }

    fn require_no_frameworks(&self, clear: bool) -> Result<()> {
        let known = http::get(&self.master, "/frameworks")?;
        let running = known["frameworks"].as_array().cloned().unwrap_or_default();
        for framework in running {
            let id = text(&framework, "/id")?;
            if !clear {
                bail!(
                    "framework {id} is running, and the suite needs a cluster to itself; --clear tears it down"
                );
            }
            let body = json!({"type": "TEARDOWN", "teardown": {"framework_id": {"value": id}}}).to_string();
            http::post(&self.master, "/api/v1", "", &body)?;
        }
        self.await_no_frameworks()
    }

    /// What had happened before the first recording.
    pub fn past(&mut self) -> Result<()> {
        let known = http::get(&self.master, "/frameworks")?;
        let completed = known["completed_frameworks"].as_array().cloned().unwrap_or_default();
        if !completed.iter().any(|framework| framework["name"] == "oracle-driver") {
            self.driver_passes_by()?;
        }
        Framework::subscribe(&self.master, minimal())?.tear_down()?;
        self.run_ten_tasks()?;
        self.gold_passes_by()
    }

    /// A framework of the old driver, which registers and goes.
    pub fn driver_passes_by(&mut self) -> Result<()> {
        let port = peer::pass_by_as_driver(&self.master, "oracle-driver", "localhost")?;
        self.places.ports.push(port);
        self.await_no_frameworks()
    }

    /// A framework whose connection breaks, and which nobody waits for.
    fn gold_passes_by(&self) -> Result<()> {
        drop(Framework::subscribe(&self.master, gold())?);
        self.await_no_frameworks()
    }

    fn run_ten_tasks(&self) -> Result<()> {
        let mut framework = Framework::subscribe(&self.master, minimal())?;
        let ids: Vec<String> = (0..10).map(|_| random::uuid()).collect::<Result<_>>()?;
        let executor = self.executor_info(&framework.id);
        framework.launch(|agent| {
            ids.iter().map(|id| task(&format!("task {id}"), id, agent, &executor)).collect()
        })?;
        framework.await_updates("TASK_FINISHED", ids.len())?;
        framework.tear_down()?;
        self.await_no_frameworks()?;
        let ended = |state: &Value| {
            let count = |key: &str| state[key].as_array().map_or(0, Vec::len);
            count("frameworks") == 0 && count("completed_frameworks") == 1
        };
        eventually("the agent has ended the executor", || {
            Ok(ended(&http::get(&self.agent, "/slave(1)/state")?))
        })
    }

    fn executor_info(&self, framework: &str) -> Value {
        json!({
            "executor_id": {"value": "MinimalExecutor"},
            "framework_id": {"value": framework},
            "name": "MinimalExecutor",
            "command": {"shell": true, "value": self.executor},
            "resources": [scalar("mem", 32.0), scalar("cpus", 0.1)],
        })
    }

    /// An agent that registered and whose process then ended; its id.
    pub fn agent_goes(&mut self) -> Result<String> {
        let agent = json!({"hostname": "localhost", "resources": [
            scalar("cpus", 4.0),
            scalar("mem", 1024.0),
            scalar("disk", 1024.0),
            {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 32000}]}},
        ]});
        let (id, process) = peer::register_as_agent(&self.master, agent)?;
        self.places.ports.push(process.upid.port);
        drop(process);
        eventually("the master has seen an agent's process end", || {
            let slaves = http::get(&self.master, "/slaves")?;
            let mut slaves = slaves["slaves"].as_array().cloned().unwrap_or_default().into_iter();
            Ok(slaves.any(|agent| agent["id"] == *id && agent["active"] == false))
        })?;
        Ok(id)
    }

    pub fn await_no_frameworks(&self) -> Result<()> {
        eventually("no framework is left", || {
            Ok(http::get(&self.master, "/frameworks")?["frameworks"].as_array().is_some_and(Vec::is_empty))
        })
    }

    /// The id of the agent, as the master knows it.
    pub fn agent_id(&self) -> Result<String> {
        Ok(text(&http::get(&self.agent, "/slave(1)/state")?, "/id")?.to_owned())
    }
}

/// The address of the one agent, which must be as the recorded one was.
fn known_agent(master: &str) -> Result<String> {
    let slaves = http::get(master, "/slaves")?;
    let slaves = slaves["slaves"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wanted = json!({"cpus": 4.0, "mem": 1024.0, "disk": 1024.0, "gpus": 0.0, "ports": "[31000-32000]"});
    match slaves {
        [agent] if agent["resources"] == wanted && agent["hostname"] == "localhost" => {
            let pid = text(agent, "/pid")?;
            Ok(pid.rsplit('@').next().unwrap_or(pid).to_owned())
        }
        _ => bail!(
            "the suite needs a master and one agent, both with --hostname=localhost, the agent with \
             --resources='cpus:4;mem:1024;disk:1024;ports:[31000-32000]'; {master} has: {}",
            Value::from(slaves)
        ),
    }
}

fn minimal() -> Value {
    json!({
        "user": "root",
        "name": "MinimalFramework",
        "failover_timeout": 100,
        "hostname": "localhost",
        "capabilities": [{"type": "GPU_RESOURCES"}],
    })
}

pub fn gold() -> Value {
    json!({"user": "root", "name": "gold"})
}

pub fn task(name: &str, id: &str, agent: &str, executor: &Value) -> Value {
    json!({
        "name": name,
        "task_id": {"value": id},
        "agent_id": {"value": agent},
        "executor": executor,
        "resources": [scalar("cpus", 0.1), scalar("mem", 32.0)],
    })
}

pub fn scalar(name: &str, value: f64) -> Value {
    json!({"name": name, "type": "SCALAR", "scalar": {"value": value}})
}

/// Waits until something is so.
pub fn eventually(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !holds()? {
        if Instant::now() > end {
            bail!("not within {} s: {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
