// SPDX-License-Identifier: Apache-2.0

//! Tells the log what an agent is told and what it decides, as far as an operator would want to know.

use kaon_agent::effect::{Effect, ToPeer};
use kaon_agent::input::{ContainerEvent, Input, PeerMessage};
use tracing::{info, warn};

pub fn input(input: &Input) {
    match input {
        Input::Leader { master: Some(master) } => {
            info!(master = master.pid.as_deref(), "The master is found");
        }
        Input::Leader { master: None } => warn!("No master leads"),
        Input::Message { from, message } => match &**message {
            PeerMessage::Registered(message) => {
                info!(%from, agent = %message.agent_id.value, "Admitted by the master")
            }
            PeerMessage::Reregistered(message) => {
                info!(%from, agent = %message.agent_id.value, "Back with the master")
            }
            PeerMessage::Shutdown(message) => {
                warn!(%from, "Told to end: {}", message.message.as_deref().unwrap_or(""));
            }
            PeerMessage::ShutdownFramework(message) => {
                info!(framework = %message.framework_id.value, "Told to end a framework");
            }
            _ => {}
        },
        Input::Exited { peer } => info!(%peer, "The connection to a peer is gone"),
        Input::Container { container, event: ContainerEvent::LaunchFailed { message } } => {
            warn!(%container, "A container cannot be launched: {message}");
        }
        Input::Container { container, event: ContainerEvent::Limitation { message, .. } } => {
            warn!(%container, "A container must not run on: {message}");
        }
        Input::Leave => info!("Ending every task, then this process"),
        Input::Stop => info!("Ending this process; tasks go on"),
        _ => {}
    }
}

pub fn effect(effect: &Effect) {
    let Effect::Send { to, message } = effect else { return };
    match &**message {
        ToPeer::Register(_) => info!(%to, "Asking to be admitted"),
        ToPeer::Reregister(message) => info!(%to, tasks = message.tasks.len(), "Asking to be taken back"),
        ToPeer::Unregister(_) => info!(%to, "Leaving"),
        _ => {}
    }
}
