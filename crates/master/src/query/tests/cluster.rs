// SPDX-License-Identifier: Apache-2.0

//! A master in the state that a recorded answer to GET_STATE tells.

use std::sync::Arc;

use kaon_api::v1;
use kaon_api::v1::master::Response;
use kaon_api::v1::master::response::{GetState, get_agents, get_frameworks};
use kaon_model::{AgentId, Build, ExecutorId, FrameworkId, Mono, Now, OfferId, Resources, Role, Wall};

use super::read;
use crate::config::Config;
use crate::input::Stream;
use crate::registry::{Operation, Registry};
use crate::state::agents::Pulse;
use crate::state::capabilities::AgentCapabilities;
use crate::state::frameworks::Connection;
use crate::state::tasks::{Body, Told, model_state};
use crate::state::{Agent, AgentRow, Executor, Framework, FrameworkRow, Offer, State, Task};
use crate::view::{Allocation, View};

/// A master without anything, as the recorded ones presented themselves.
pub fn empty(started: f64, elected: f64) -> View {
    let info = r#"{"id":"m1","ip":16777343,"port":5050,"pid":"master@127.0.0.1:5050","hostname":"localhost",
        "version":"1.11.0","address":{"hostname":"localhost","ip":"127.0.0.1","port":5050},
        "capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}]}"#;
    let build = Build {
        date: "2020-11-24 15:38:37".into(),
        time: 1606232317.0,
        user: "ubuntu".into(),
        git_sha: Some("04bc7ee1984d86fbb0bd782ccc69ce44c13ae4b9".into()),
        git_tag: Some("1.11.0".into()),
        ..Default::default()
    };
    let pid = "master@127.0.0.1:5050".parse().unwrap();
    View {
        tables: Default::default(),
        config: Arc::new(Config { pid, version: "1.11.0".into(), ..Default::default() }),
        info: Arc::new(read(info)),
        build: Arc::new(build),
        started: seconds(started),
        elected: Some(seconds(elected)),
        now: Now { mono: Mono::from_nanos(0), wall: seconds(started + 5.0) },
        registry: Default::default(),
        recovered: Default::default(),
        weights: Default::default(),
        answers: Default::default(),
        allocation: Allocation::default(),
        watchers: 0,
        writes: 0,
    }
}

/// The recorded state in an empty master.
pub fn fill(view: &mut View, recorded: &str) {
    let answer: Response = read(recorded);
    let told = *answer.get_state.unwrap();
    let mut state = State::default();
    let mut registry = Registry::default();
    for agent in &told.get_agents.as_ref().unwrap().agents {
        Operation::AdmitAgent(agent.agent_info.clone()).apply(&mut registry);
        state.insert_agent(agent_of(agent));
    }
    add_frameworks(&mut state, &told);
    add_tasks(&mut state, &told);
    view.registry = Arc::new(registry);
    view.tables = state.tables;
}

fn seconds(time: f64) -> Wall {
    Wall::from_secs_f64(time).unwrap()
}

fn moment(time: &Option<v1::TimeInfo>) -> Wall {
    Wall::from_nanos(time.as_ref().map_or(0, |time| time.nanoseconds))
}

fn agent_of(told: &get_agents::Agent) -> Agent {
    let info = (*told.agent_info).clone();
    Agent {
        id: AgentId::from(info.id.as_ref().unwrap().value.as_str()),
        pid: told.pid.as_ref().unwrap().parse().unwrap(),
        version: told.version.clone(),
        capabilities: Arc::new(AgentCapabilities::from_wire(&told.capabilities)),
        total: Arc::new(Resources::from_wire(&info.resources).unwrap()),
        info: Arc::new(info),
        registered: moment(&told.registered_time),
        reregistered: told.reregistered_time.is_some().then(|| moment(&told.reregistered_time)),
        connected: told.active,
        resource_version: None,
        pulse: Pulse::default(),
        deactivated: false,
        drain_started: None,
        unavailability: None,
    }
}

fn framework_of(told: &get_frameworks::Framework, connection: Connection) -> Framework {
    let info = (*told.framework_info).clone();
    let id = FrameworkId::from(info.id.as_ref().unwrap().value.as_str());
    Framework::new(id, info, connection, moment(&told.registered_time))
}

fn add_frameworks(state: &mut State, told: &GetState) {
    let frameworks = told.get_frameworks.as_ref().unwrap();
    for (number, one) in (0..).zip(&frameworks.frameworks) {
        let connection = Connection::Subscribed { stream: Stream(number), id: number.to_string() };
        state.insert_framework(framework_of(one, connection));
        for offer in &one.offers {
            add_offer(state, offer);
        }
    }
    for one in &frameworks.completed_frameworks {
        let gone = framework_of(one, Connection::Disconnected { driver: None });
        state.tables.history.add_framework(gone, moment(&one.unregistered_time), 50);
    }
    for one in &told.get_executors.as_ref().unwrap().executors {
        let (role, resources) = charged(&one.executor_info.resources);
        let mut info = (*one.executor_info).clone();
        // The recorded answer writes this default where the framework set nothing.
        info.command.as_mut().unwrap().shell = None;
        let framework = &info.framework_id.as_ref().unwrap().value;
        state.insert_executor(Executor {
            framework: framework_row(state, framework),
            agent: agent_row(state, &one.agent_id.value),
            id: ExecutorId::from(info.executor_id.value.as_str()),
            info: Arc::new(info),
            role,
            resources,
        });
    }
}

fn add_offer(state: &mut State, offer: &v1::Offer) {
    let (role, resources) = charged(&offer.resources);
    state.insert_offer(Offer {
        number: offer.id.value.strip_prefix("m1-O").unwrap().parse().unwrap(),
        id: OfferId::from(offer.id.value.as_str()),
        framework: framework_row(state, &offer.framework_id.value),
        agent: agent_row(state, &offer.agent_id.value),
        role,
        resources,
    });
}

fn add_tasks(state: &mut State, told: &GetState) {
    let tasks = told.get_tasks.as_ref().unwrap();
    for one in &tasks.tasks {
        let framework = framework_row(state, &one.framework_id.value);
        let task = task_of(state, one, framework);
        state.insert_task(task);
    }
    for one in &tasks.completed_tasks {
        // The row of a framework that is gone leads nowhere; nobody may follow it.
        let task = task_of(state, one, agent_row(state, &one.agent_id.value));
        state.tables.history.add_completed(task, 1000);
    }
}

pub fn task_of(state: &State, told: &v1::Task, framework: FrameworkRow) -> Task {
    let (role, resources) = charged(&told.resources);
    let update = told.status_update_state.zip(told.status_update_uuid.clone());
    Task {
        framework,
        agent: agent_row(state, &told.agent_id.value),
        body: Arc::new(Body::reported(told.clone(), role, resources)),
        state: model_state(told.state),
        told: update.map(|(state, uuid)| Told {
            state: model_state(state),
            uuid: kaon_model::Uuid::from_bytes(&uuid).ok(),
        }),
        statuses: Arc::new(told.statuses.clone()),
    }
}

fn agent_row(state: &State, id: &str) -> AgentRow {
    state.agent_by_id(id).unwrap().0
}

fn framework_row(state: &State, id: &str) -> FrameworkRow {
    state.framework_by_id(id).unwrap().0
}

/// The role that is charged, with what it is charged with.
fn charged(wire: &[v1::Resource]) -> (Role, Arc<Resources>) {
    let resources = Resources::from_wire(wire).unwrap();
    (resources.sole_allocation().unwrap().clone(), Arc::new(resources.unallocate()))
}
