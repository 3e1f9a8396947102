// SPDX-License-Identifier: Apache-2.0

//! What must hold between any two inputs.

use std::collections::BTreeSet;

use kaon_allocator::{Account, Claim};
use kaon_model::Resources;

use crate::master::{Master, TimerKey};
use crate::state::{Agent, AgentRow, FrameworkRow};

/// The first thing that is wrong, in words.
pub(crate) fn check(master: &Master) -> Result<(), String> {
    master.allocator.check().map_err(|violation| violation.to_string())?;
    agents(master)?;
    frameworks(master)?;
    offers(master)?;
    inverse_offers(master)?;
    tasks(master)?;
    executors(master)?;
    operations(master)?;
    postings(master)
}

fn ensure(holds: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(text()) }
}

fn agents(master: &Master) -> Result<(), String> {
    for id in master.awaiting.wishes.keys() {
        ensure(master.awaiting.agents.contains(id), || {
            format!("what an operator wants of agent {id} waits for nothing")
        })?;
    }
    for (row, agent) in master.state.tables.agents.iter() {
        let id = &agent.id;
        ensure(master.state.agents.row(id.as_str()) == Some(row), || {
            format!("agent {id} is not found by its id")
        })?;
        let at_address = master.state.agents.rows_of_pid(&agent.pid);
        ensure(at_address.contains(&row), || format!("agent {id} is not at {}", agent.pid))?;
        let others =
            at_address.iter().filter(|other| **other != row).map(|other| &master.state.agent(*other).id);
        let mut going = others.chain([id]).filter(|id| master.awaiting.agents.contains(*id));
        let alone = at_address.len() == 1;
        ensure(alone || going.next().is_some(), || format!("two agents stay at {}", agent.pid))?;
        ensure(master.timers.get(&TimerKey::Ping(row)).is_some(), || {
            format!("agent {id} is pinged no more")
        })?;
        ensure(!master.recovered.contains_key(id), || format!("agent {id} is registered, yet awaited"))?;
        let book =
            master.allocator.books().agent(id).ok_or_else(|| format!("the ledger lacks agent {id}"))?;
        ensure(book.is_active() == agent.is_active(), || {
            format!("the ledger errs on whether {id} is active")
        })?;
        ensure(book.shape().total == *agent.total, || format!("the ledger has another total for {id}"))?;
        conserved(agent)?;
        for (framework, task) in master.state.agents.kills(row) {
            let framework = master.state.frameworks.row(framework.as_str());
            let known = framework.and_then(|framework| master.state.tasks.row(framework, task.as_str()));
            ensure(known.is_some_and(|task| master.state.task(task).agent == row), || {
                format!("the kill of task {task} on {id} is remembered, and the task is not")
            })?;
        }
        let waiting = master.timers.get(&TimerKey::Reregister(row)).is_some();
        let changing = master.awaiting.agents.contains(id) || master.pace.waits(id);
        let known = master.registry.is_admitted(id.as_str()) || changing;
        ensure(agent.connected || waiting || changing, || {
            format!("nobody waits for disconnected agent {id}")
        })?;
        ensure(known, || format!("agent {id} is registered, but not in the registry"))?;
    }
    let count = master.allocator.books().agents().count();
    ensure(count == master.state.tables.agents.len(), || "the ledger has agents of its own".to_string())
}

fn frameworks(master: &Master) -> Result<(), String> {
    for (row, framework) in master.state.tables.frameworks.iter() {
        let id = &framework.id;
        let found = master.state.frameworks.row(id.as_str()) == Some(row);
        ensure(found, || format!("framework {id} is not found by its id"))?;
        let book = master.allocator.books().framework(id);
        let active = book.ok_or_else(|| format!("the ledger lacks framework {id}"))?.is_active();
        ensure(active == framework.is_active(), || format!("the ledger errs on whether {id} is active"))?;
        let heartbeat = master.timers.get(&TimerKey::Heartbeat(row)).is_some();
        ensure(heartbeat == framework.stream().is_some(), || format!("the heartbeats of {id} are wrong"))?;
        let failover = master.timers.get(&TimerKey::Failover(row)).is_some();
        let awaited = !framework.is_connected() && !framework.is_recovered();
        let recovered = framework.is_recovered() && master.config.recovered_framework_timeout.is_some();
        ensure(failover == awaited || failover && recovered, || {
            format!("the failover timeout of {id} is wrong")
        })?;
        let completed = master.state.tables.history.is_completed(id.as_str());
        ensure(!completed, || format!("framework {id} runs and is over"))?;
    }
    let count = master.allocator.books().frameworks().count();
    ensure(count == master.state.tables.frameworks.len(), || {
        "the ledger has frameworks of its own".to_string()
    })
}

fn offers(master: &Master) -> Result<(), String> {
    for (_, offer) in master.state.tables.offers.iter() {
        let id = &offer.id;
        let agent =
            there(master, offer.framework, offer.agent).ok_or_else(|| format!("offer {id} is of nobody"))?;
        ensure(master.state.agent(agent).is_active(), || {
            format!("offer {id} is of an agent that is not active")
        })?;
        let connected = master.state.framework(offer.framework).is_connected();
        ensure(connected, || format!("offer {id} is to a framework that is not there"))?;
    }
    Ok(())
}

fn inverse_offers(master: &Master) -> Result<(), String> {
    for offer in master.state.tables.inverse_offers.values() {
        let id = &offer.id;
        let agent = there(master, offer.framework, offer.agent)
            .ok_or_else(|| format!("inverse offer {id} is of nobody"))?;
        let agent = master.state.agent(agent);
        ensure(agent.connected, || format!("inverse offer {id} is of an agent that is not there"))?;
        ensure(agent.unavailability.as_ref() == Some(&offer.unavailability), || {
            format!("inverse offer {id} names another time than is planned")
        })?;
        let connected = master.state.framework(offer.framework).is_connected();
        ensure(connected, || format!("inverse offer {id} is to a framework that is not there"))?;
    }
    Ok(())
}

fn tasks(master: &Master) -> Result<(), String> {
    for (row, task) in master.state.tables.tasks.iter() {
        let (id, framework) = (&task.body.id, &task.body.framework);
        there(master, task.framework, task.agent)
            .ok_or_else(|| format!("task {id} of {framework} is of nobody"))?;
        let found = master.state.tasks.row(task.framework, id.as_str()) == Some(row);
        ensure(found, || format!("task {id} of {framework} is not found by its id"))?;
        let claim = Claim::Task(id.clone());
        let entry = master.allocator.books().claim(&task.body.agent, framework, &claim);
        ensure(entry.is_some() == task.holds_resources(), || {
            format!("task {id} of {framework} is {}, and the ledger does not agree", task.state)
        })?;
        if let Some(entry) = entry {
            ensure(**entry.resources == *task.body.resources, || format!("task {id} holds something else"))?;
        }
    }
    Ok(())
}

fn executors(master: &Master) -> Result<(), String> {
    for (_, executor) in master.state.tables.executors.iter() {
        let id = &executor.id;
        there(master, executor.framework, executor.agent)
            .ok_or_else(|| format!("executor {id} is of nobody"))?;
        let agent = &master.state.agent(executor.agent).id;
        let framework = &master.state.framework(executor.framework).id;
        let entry = master.allocator.books().claim(agent, framework, &Claim::Executor(id.clone()));
        let entry = entry.ok_or_else(|| format!("the ledger lacks executor {id} of {framework}"))?;
        ensure(**entry.resources == *executor.resources, || format!("executor {id} holds something else"))?;
    }
    Ok(())
}

fn operations(master: &Master) -> Result<(), String> {
    for (row, operation) in master.state.tables.operations.iter() {
        let uuid = operation.uuid;
        ensure(master.state.tables.agents.contains(operation.agent), || {
            format!("operation {uuid} is of no agent")
        })?;
        let found = master.state.operations.row(operation.agent, &uuid) == Some(row);
        ensure(found, || format!("operation {uuid} is not found by its uuid"))?;
        let told = operation
            .framework
            .as_ref()
            .is_none_or(|framework| master.state.operations.of_framework(framework).contains(&row));
        ensure(told, || format!("operation {uuid} is not among those of its framework"))?;
    }
    for row in master.state.hopes.agents() {
        let agent = master.state.agent(row);
        let hoped = master.state.hopes.total(row);
        ensure(hoped.as_ref() == Some(&*agent.total), || {
            format!("agent {} has {}, and its orders come to {hoped:?}", agent.id, agent.total)
        })?;
    }
    Ok(())
}

/// Operations turn one thing into another, but make and lose nothing.
fn conserved(agent: &Agent) -> Result<(), String> {
    let described = Resources::from_wire(&agent.info.resources).unwrap_or_default();
    let (was, is) = (described.all_quantities(), agent.total.non_revocable().all_quantities());
    ensure(was == is, || format!("agent {} has {is}, and was described with {was}", agent.id))
}

/// The ledger holds nothing that the tables do not know.
fn postings(master: &Master) -> Result<(), String> {
    let tables = &master.state.tables;
    let holding = tables.tasks.values().filter(|task| task.holds_resources()).count();
    let (mut used, mut offered) = (0, 0);
    let ids: BTreeSet<_> = tables.agents.values().map(|agent| &agent.id).collect();
    for id in ids {
        for entry in master.allocator.books().entries(id) {
            match entry.account {
                Account::Offered => offered += 1,
                Account::Used => used += 1,
                Account::Pending => {
                    return Err(format!("an operation is booked on {id}, which nobody ordered"));
                }
            }
        }
    }
    ensure(used == holding + tables.executors.len(), || {
        format!("{used} claims are booked for {holding} tasks with {} executors", tables.executors.len())
    })?;
    ensure(offered == tables.offers.len(), || {
        format!("{offered} offers are booked, {} are out", tables.offers.len())
    })
}

fn there(master: &Master, framework: FrameworkRow, agent: AgentRow) -> Option<AgentRow> {
    let both =
        master.state.tables.frameworks.contains(framework) && master.state.tables.agents.contains(agent);
    both.then_some(agent)
}
