// SPDX-License-Identifier: Apache-2.0

//! Short forms of the messages that speak of operations.

use kaon_api::json::{Dialect, to_json};
use kaon_api::wire::Enumeration;
use kaon_api::{internal, v1};
use kaon_master::*;

use super::{Stage, json};

/// The identity of an operation as it stands in JSON.
pub fn identity(uuid: &v1::UUID) -> String {
    let text = to_json(uuid, Dialect::V1);
    text.trim_start_matches(r#"{"value":""#).trim_end_matches(r#""}"#).to_string()
}

fn uuid(digit: &str) -> v1::UUID {
    v1::UUID { value: vec![digit.parse().unwrap(); 16], ..Default::default() }
}

/// - `accept STREAM OPERATION,…`: ACCEPT of the newest offer.
/// - `operated N STREAM OPERATION STATE U`: from the agent, where `OPERATION` counts the orders from 1, `STREAM` is `-` for
///   an operator and `U` for a status that is not told reliably.
/// - `done STREAM N ID U`: the framework's acknowledgement.
pub fn short_input(stage: &Stage, kind: &str, rest: &str) -> Option<Input> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    match (kind, words.as_slice()) {
        ("accept", [stream, ..]) => {
            let operations = rest.split_once(' ')?.1;
            let accept = format!(
                r#"{{"type":"ACCEPT","framework_id":{{"value":"{}"}},"accept":{{"filters":{{"refuse_seconds":0}},"offer_ids":[{{"value":"{}"}}],"operations":[{operations}]}}}}"#,
                stage.named(&format!("$F{stream}")),
                stage.named("$O"),
            );
            Some(call(stage, stream, json(&accept)))
        }
        ("operated", [number, stream, operation, state, digit]) => {
            let status = v1::OperationStatus {
                state: v1::OperationState::from_name(state).unwrap(),
                uuid: (*digit != "-").then(|| uuid(digit)),
                agent_id: Some(v1::AgentID::from(stage.named(&format!("$A{number}")))),
                ..Default::default()
            };
            let of = |stream: &str| v1::FrameworkID::from(stage.named(&format!("$F{stream}")));
            let known = format!(r#"{{"value":"{}"}}"#, stage.named(&format!("$U{operation}")));
            let update = internal::UpdateOperationStatusMessage {
                framework_id: (*stream != "-").then(|| of(stream)),
                agent_id: status.agent_id.clone(),
                status: Box::new(status),
                operation_uuid: Some(json(&known)),
                ..Default::default()
            };
            Some(Input::Message {
                from: format!("slave(1)@10.0.0.{number}:5051").parse().unwrap(),
                to: "master".to_string(),
                message: Box::new(PeerMessage::UpdateOperationStatus(update)),
            })
        }
        ("done", [stream, number, id, digit]) => {
            let acknowledge = v1::scheduler::call::AcknowledgeOperationStatus {
                agent_id: Some(v1::AgentID::from(stage.named(&format!("$A{number}")))),
                uuid: uuid(digit).value,
                operation_id: v1::OperationID::from(*id),
                ..Default::default()
            };
            let own = v1::scheduler::Call {
                framework_id: Some(v1::FrameworkID::from(stage.named(&format!("$F{stream}")))),
                r#type: Some(v1::scheduler::call::Type::AcknowledgeOperationStatus),
                acknowledge_operation_status: Some(Box::new(acknowledge)),
                ..Default::default()
            };
            Some(call(stage, stream, own))
        }
        _ => None,
    }
}

fn call(stage: &Stage, stream: &str, call: v1::scheduler::Call) -> Input {
    let stream_id = stage.stream_id(stream);
    Input::Call { ticket: Ticket(0), stream_id, call: Box::new(call), caller: Caller::default() }
}
