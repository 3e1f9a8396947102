// SPDX-License-Identifier: Apache-2.0

//! Short forms of the messages that scenes are full of.

use kaon_api::{internal, v1};
use kaon_master::*;

use super::{Stage, json};

fn uuid(digit: &str) -> Vec<u8> {
    vec![digit.parse().unwrap(); 16]
}

fn agent_info(number: &str, resources: &str) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: format!("host{number}"),
        port: Some(5051),
        resources: kaon_model::parse_list(resources, &kaon_model::Role::star()).unwrap(),
        checkpoint: Some(true),
        ..Default::default()
    }
}

fn capabilities() -> Vec<v1::agent_info::Capability> {
    use kaon_api::wire::Enumeration;
    let all = v1::agent_info::capability::Type::VALUES.iter().filter(|entry| entry.1 != 0);
    all.map(|entry| v1::agent_info::Capability { r#type: Some(entry.0), ..Default::default() }).collect()
}

pub fn short_input(stage: &Stage, kind: &str, rest: &str) -> Option<Input> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let from = |number: &str| format!("slave(1)@10.0.0.{number}:5051").parse().unwrap();
    let message = |number: &str, to: &str, message| {
        Some(Input::Message { from: from(number), to: to.to_string(), message: Box::new(message) })
    };
    match (kind, words.as_slice()) {
        ("join" | "joinold", [number, resources]) => {
            use v1::agent_info::capability::Type::AgentDraining;
            let agent = Box::new(agent_info(number, resources));
            let mut agent_capabilities = capabilities();
            agent_capabilities.retain(|own| kind == "join" || own.r#type != Some(AgentDraining));
            let register = internal::RegisterAgentMessage {
                agent,
                version: Some("1.11.0".to_string()),
                agent_capabilities,
                resource_version_uuid: Some(v1::UUID { value: uuid("9"), ..Default::default() }),
                ..Default::default()
            };
            message(number, "master", PeerMessage::RegisterAgent(register))
        }
        ("return", [number, resources, ..]) => {
            let body = rest.splitn(3, ' ').nth(2).unwrap_or("{}");
            let whole = format!(r#"{{"agent":{{"hostname":"x"}},{}"#, body.strip_prefix('{').unwrap());
            let mut back: internal::ReregisterAgentMessage = json(&whole.replace(",}", "}"));
            back.agent = Box::new(agent_info(number, resources));
            back.agent.id = Some(v1::AgentID::from(stage.named(&format!("$A{number}"))));
            back.version.get_or_insert_with(|| "1.11.0".to_string());
            back.agent_capabilities = capabilities();
            message(number, "master", PeerMessage::ReregisterAgent(back))
        }
        ("pong", [number]) => {
            let pong = PeerMessage::Pong(internal::PongAgentMessage::default());
            message(number, &format!("slave-observer({number})"), pong)
        }
        ("update", [number, stream, task, state, digit, latest @ ..]) => {
            use kaon_api::wire::Enumeration;
            let state_of = |name: &str| v1::TaskState::from_name(name).unwrap();
            let status = v1::TaskStatus {
                task_id: v1::TaskID::from(*task),
                state: state_of(state),
                source: Some(v1::task_status::Source::SourceExecutor),
                ..Default::default()
            };
            let update = internal::StatusUpdate {
                framework_id: v1::FrameworkID::from(stage.named(&format!("$F{stream}"))),
                agent_id: Some(v1::AgentID::from(stage.named(&format!("$A{number}")))),
                status: Box::new(status),
                timestamp: 5.0,
                uuid: Some(uuid(digit)),
                latest_state: Some(state_of(latest.first().unwrap_or(state))),
                ..Default::default()
            };
            let update = internal::StatusUpdateMessage { update: Box::new(update), ..Default::default() };
            message(number, "master", PeerMessage::StatusUpdate(update))
        }
        ("launch", [stream, tasks @ ..]) => {
            let tasks: Vec<String> = tasks.iter().map(|task| launched(stage, task)).collect();
            let accept = format!(
                r#"{{"type":"ACCEPT","framework_id":{{"value":"{}"}},"accept":{{"offer_ids":[{{"value":"{}"}}],"operations":[{{"type":"LAUNCH","launch":{{"task_infos":[{}]}}}}]}}}}"#,
                stage.named(&format!("$F{stream}")),
                stage.named("$O"),
                tasks.join(",")
            );
            let stream_id = stage.stream_id(stream);
            Some(Input::Call {
                ticket: Ticket(0),
                stream_id,
                call: Box::new(json(&accept)),
                caller: Caller::default(),
            })
        }
        ("ack", [stream, number, task, digit]) => {
            let acknowledge = v1::scheduler::call::Acknowledge {
                agent_id: v1::AgentID::from(stage.named(&format!("$A{number}"))),
                task_id: v1::TaskID::from(*task),
                uuid: uuid(digit),
                ..Default::default()
            };
            let call = v1::scheduler::Call {
                framework_id: Some(v1::FrameworkID::from(stage.named(&format!("$F{stream}")))),
                r#type: Some(v1::scheduler::call::Type::Acknowledge),
                acknowledge: Some(acknowledge),
                ..Default::default()
            };
            let stream_id = stage.stream_id(stream);
            Some(Input::Call {
                ticket: Ticket(0),
                stream_id,
                call: Box::new(call),
                caller: Caller::default(),
            })
        }
        _ => None,
    }
}

/// A task of so many cpus on the agent of the newest offer.
fn launched(stage: &Stage, task: &str) -> String {
    let (name, cpus) = task.split_once(':').expect("TASK:CPUS");
    let cpus = format!(r#"{{"name":"cpus","type":"SCALAR","scalar":{{"value":{cpus}}}}}"#);
    let (id, agent) =
        (format!(r#"{{"value":"{name}"}}"#), format!(r#"{{"value":"{}"}}"#, stage.named("$OA")));
    format!(
        r#"{{"name":"{name}","task_id":{id},"agent_id":{agent},"command":{{"value":"true"}},"resources":[{cpus}]}}"#
    )
}
