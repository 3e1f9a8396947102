// SPDX-License-Identifier: Apache-2.0

//! Tells the log what a master is told and what it decides, as far as an operator would want to know.
//!
//! Single tasks are not told: there may be thousands a second, and `/tasks` knows them.

use kaon_api::wire::Enumeration;
use kaon_master::{Effect, Input, PeerMessage, ToPeer};
use tracing::{info, warn};

pub fn input(input: &Input) {
    match input {
        Input::Message { from, message, .. } => match &**message {
            PeerMessage::RegisterAgent(message) => {
                info!(%from, host = %message.agent.hostname, "An agent asks to be admitted")
            }
            PeerMessage::ReregisterAgent(message) => {
                let tasks = message.tasks.len();
                info!(%from, host = %message.agent.hostname, tasks, "An agent comes back");
            }
            PeerMessage::UnregisterAgent(_) => info!(%from, "An agent leaves"),
            PeerMessage::RegisterFramework(message) => {
                info!(%from, framework = %message.framework.name, "A driver registers");
            }
            PeerMessage::ReregisterFramework(message) => {
                info!(%from, framework = %message.framework.name, "A driver comes back");
            }
            PeerMessage::SchedulerCall(call) => {
                if let Some(subscribe) = &call.subscribe {
                    info!(%from, framework = %subscribe.framework_info.name, "A driver subscribes");
                }
            }
            PeerMessage::Authenticate(message) => info!(%from, who = %message.pid, "A peer authenticates"),
            _ => {}
        },
        Input::Exited { peer } => info!(%peer, "The connection to a peer is gone"),
        Input::Subscribe { stream, call, .. } => {
            let name = call.subscribe.as_ref().map_or("", |subscribe| &subscribe.framework_info.name);
            info!(stream = stream.0, framework = name, "A framework subscribes");
        }
        Input::Watch { stream, .. } => info!(stream = stream.0, "An operator watches"),
        Input::Listen { stream, .. } => info!(stream = stream.0, "An operator listens"),
        Input::StreamClosed { stream } => info!(stream = stream.0, "A client's stream is gone"),
        Input::Operator { call, caller, .. } => {
            let call = call.r#type.map_or("nothing", |kind| kind.name());
            info!(call, principal = caller.principal.as_deref(), "An operator calls");
        }
        Input::EnforceSchedule { schedule, caller, .. } => {
            let windows = schedule.windows.len();
            info!(windows, principal = caller.principal.as_deref(), "An operator plans for machines");
        }
        Input::Whitelist { hosts } => {
            let hosts = hosts.as_ref().map_or(0, |hosts| hosts.len());
            info!(hosts, "The whitelist has changed");
        }
        Input::Tick | Input::Call { .. } | Input::Stored { .. } => {}
    }
}

pub fn effect(effect: &Effect) {
    if let Effect::Audit { action } = effect {
        let (principal, subject) = (action.principal.as_deref(), action.subject.as_deref());
        info!(action = action.action, principal, subject, result = action.result, "Audit");
    }
    let Effect::Send { to, message, .. } = effect else { return };
    match &**message {
        ToPeer::AgentRegistered(message) => info!(%to, agent = %message.agent_id.value, "Admitted an agent"),
        ToPeer::AgentReregistered(message) => info!(%to, agent = %message.agent_id.value, "An agent is back"),
        ToPeer::Shutdown(message) => {
            warn!(%to, "Told an agent to end: {}", message.message.as_deref().unwrap_or(""))
        }
        ToPeer::DrainAgent(_) => info!(%to, "Told an agent to end what it runs"),
        ToPeer::ShutdownFramework(message) => {
            info!(%to, framework = %message.framework_id.value, "Told an agent that a framework has ended");
        }
        ToPeer::AuthenticationCompleted(_) => info!(%to, "Authenticated a peer"),
        ToPeer::AuthenticationFailed(_) => warn!(%to, "A peer has the wrong credentials"),
        ToPeer::AuthenticationError(message) => {
            warn!(%to, "A peer could not be authenticated: {}", message.error.as_deref().unwrap_or(""));
        }
        ToPeer::FrameworkError(message) => warn!(%to, "Refused a framework: {}", message.message),
        _ => {}
    }
}
