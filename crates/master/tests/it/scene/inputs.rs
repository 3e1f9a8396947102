// SPDX-License-Identifier: Apache-2.0

//! Lines of text as inputs.

use kaon_api::{internal, v0};
use kaon_master::*;
use kaon_model::{Credential, Secret, cram_md5};

use super::{Stage, json, number};

pub fn parse_input(stage: &mut Stage, kind: &str, rest: &str) -> Input {
    let (first, more) = rest.split_once(' ').unwrap_or((rest, ""));
    let (caller, body) = match more.strip_prefix("as ") {
        Some(named) => {
            let (principal, body) = named.split_once(' ').expect("as PRINCIPAL JSON");
            (Caller { principal: Some(principal.to_string()), ..Caller::default() }, body)
        }
        None => (Caller::default(), more),
    };
    stage.tickets += 1;
    let ticket = Ticket(stage.tickets);
    match kind {
        "tick" => Input::Tick,
        "stored" => Input::Stored { write: Write(number(first)) },
        "exited" => Input::Exited { peer: first.parse().unwrap() },
        "close" => Input::StreamClosed { stream: Stream(number(first)) },
        "watch" => Input::Watch { stream: Stream(number(first)), caller },
        "listen" => Input::Listen { stream: Stream(number(first)), caller },
        "subscribe" => Input::Subscribe { stream: Stream(number(first)), call: Box::new(json(body)), caller },
        "call" => {
            Input::Call { ticket, stream_id: stage.stream_id(first), call: Box::new(json(body)), caller }
        }
        "enforce" => {
            let schedule = Box::new(json(rest));
            Input::EnforceSchedule { ticket, schedule, caller: Caller::default() }
        }
        "operator" => Input::Operator { ticket, call: Box::new(json(rest)), caller: Caller::default() },
        "message" => {
            let mut words = more.splitn(3, ' ');
            let mut word = || words.next().unwrap_or_default();
            let (to, name, body) = (word().to_string(), word(), word());
            Input::Message { from: first.parse().unwrap(), to, message: Box::new(peer_message(name, body)) }
        }
        _ => panic!("no input '{kind}'"),
    }
}

/// `PRINCIPAL SECRET CHALLENGE`, or any other text as it is.
fn response(body: &str) -> internal::AuthenticationStepMessage {
    let data = match body.splitn(3, ' ').collect::<Vec<_>>()[..] {
        [principal, secret, challenge] => {
            let (principal, secret) = (principal.to_string(), Secret::new(secret));
            cram_md5::response(&Credential { principal, secret }, challenge.as_bytes())
        }
        _ => body.as_bytes().to_vec(),
    };
    internal::AuthenticationStepMessage { data, ..Default::default() }
}

fn peer_message(name: &str, body: &str) -> PeerMessage {
    match name {
        "RegisterAgent" => PeerMessage::RegisterAgent(json(body)),
        "ReregisterAgent" => PeerMessage::ReregisterAgent(json(body)),
        "UnregisterAgent" => PeerMessage::UnregisterAgent(json(body)),
        "UpdateAgent" => PeerMessage::UpdateAgent(json(body)),
        "UpdateOperationStatus" => PeerMessage::UpdateOperationStatus(json(body)),
        "Pong" => PeerMessage::Pong(internal::PongAgentMessage::default()),
        "StatusUpdate" => PeerMessage::StatusUpdate(json(body)),
        "ExitedExecutor" => PeerMessage::ExitedExecutor(json(body)),
        "ExecutorToFramework" => PeerMessage::ExecutorToFramework(json(body)),
        "SchedulerCall" => PeerMessage::SchedulerCall(json::<v0::scheduler::Call>(body)),
        "SubmitScheduler" => PeerMessage::SubmitScheduler(json(body)),
        "RegisterFramework" => PeerMessage::RegisterFramework(json(body)),
        "ReregisterFramework" => PeerMessage::ReregisterFramework(json(body)),
        "UnregisterFramework" => PeerMessage::UnregisterFramework(json(body)),
        "DeactivateFramework" => PeerMessage::DeactivateFramework(json(body)),
        "ResourceRequest" => PeerMessage::ResourceRequest(json(body)),
        "LaunchTasks" => PeerMessage::LaunchTasks(json(body)),
        "ReviveOffers" => PeerMessage::ReviveOffers(json(body)),
        "KillTask" => PeerMessage::KillTask(json(body)),
        "StatusUpdateAcknowledgement" => PeerMessage::StatusUpdateAcknowledgement(json(body)),
        "FrameworkToExecutor" => PeerMessage::FrameworkToExecutor(json(body)),
        "ReconcileTasks" => PeerMessage::ReconcileTasks(json(body)),
        "Authenticate" => PeerMessage::Authenticate(json(body)),
        "AuthenticationStart" => PeerMessage::AuthenticationStart(json(body)),
        "AuthenticationStep" => PeerMessage::AuthenticationStep(response(body)),
        _ => panic!("no message '{name}'"),
    }
}
