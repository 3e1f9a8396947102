// SPDX-License-Identifier: Apache-2.0

//! Effects as lines of text.

use kaon_api::json::{Dialect, to_json};
use kaon_api::v1;
use kaon_api::wire::Enumeration;
use kaon_master::registry::Operation;
use kaon_master::*;

/// An effect as one line, without what only takes room.
pub fn show(effect: &Effect) -> String {
    match effect {
        Effect::Send { to, from, message } => {
            let (name, _) = message.encode();
            format!("{to} <- {from} {} {}", name.rsplit('.').next().unwrap(), show_message(message))
        }
        Effect::Link { to } => format!("{to} linked"),
        Effect::Event { stream, event } => {
            let mut event = (**event).clone();
            if let Some(subscribed) = &mut event.subscribed {
                subscribed.master_info = None;
            }
            format!("stream {} <- {}", stream.0, to_json(&event, Dialect::V1))
        }
        Effect::OpenStream { stream, .. } => format!("stream {} opened", stream.0),
        Effect::WatchEvent { stream, event } => {
            format!("watcher {} <- {}", stream.0, to_json(&**event, Dialect::V1))
        }
        Effect::Announce { stream, event } => {
            format!("listener {} <- {}", stream.0, to_json(&**event, Dialect::V1))
        }
        Effect::Audit { action } => format!("audit {} {}", action.action, action.result),
        Effect::Close { stream } => format!("stream {} closed", stream.0),
        Effect::Reply { reply, .. } => match reply {
            Reply::Ok => "reply 200".to_string(),
            Reply::Accepted => "reply 202".to_string(),
            Reply::Refused { code, text } => format!("reply {code} {text}").trim_end().to_string(),
        },
        Effect::Exit { code, message } => format!("exit {code} {message:?}"),
        Effect::Warn { message } => format!("warn {message}"),
        Effect::Store { write, record, .. } => {
            let operations = kaon_master::registry::decode(record).unwrap();
            let texts: Vec<String> = operations.iter().map(show_operation).collect();
            format!("store {} {}", write.0, texts.join(", "))
        }
    }
}

fn show_operation(operation: &Operation) -> String {
    let id = |info: &v1::AgentInfo| info.id.clone().unwrap_or_default().value;
    match operation {
        Operation::AdmitAgent(info) => format!("admit {}", id(info)),
        Operation::UpdateAgent(info) => format!("update {}", id(info)),
        Operation::RemoveAgent(id) => format!("remove {id}"),
        Operation::MarkUnreachable(id, _) => format!("unreachable {id}"),
        Operation::MarkGone(id, _) => format!("gone {id}"),
        Operation::SetDuty(id, duty) => {
            let part = match &duty.drain {
                Some(drain) => drain.state.name(),
                None if duty.deactivated => "DEACTIVATED",
                None => "ACTIVE",
            };
            format!("duty {id} {part}")
        }
        Operation::Prune(ids) => format!("prune {ids:?}"),
        Operation::SetQuotas(configs) => {
            let amounts = |map: &std::collections::BTreeMap<String, v1::value::Scalar>| {
                let one = |(name, amount): (&String, &v1::value::Scalar)| format!("{name}:{}", amount.value);
                let all: Vec<String> = map.iter().map(one).collect();
                if all.is_empty() { "{}".to_string() } else { all.join(";") }
            };
            let one = |config: &v1::quota::QuotaConfig| {
                format!("quotas {} {} {}", config.role, amounts(&config.guarantees), amounts(&config.limits))
            };
            configs.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        Operation::SetWeights(infos) => {
            let one = |info: &v1::WeightInfo| {
                format!("weigh {} {}", info.role.as_deref().unwrap_or_default(), info.weight)
            };
            infos.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        Operation::SetSchedule(schedule) => format!("schedule {}", to_json(schedule, Dialect::V1)),
        Operation::EnforceSchedule(schedule, enforced) => {
            let enforced: Vec<String> = enforced.iter().map(|one| to_json(one, Dialect::V1)).collect();
            format!("schedule {} enforce {}", to_json(schedule, Dialect::V1), enforced.join(" "))
        }
        Operation::MachinesDown(ids) => format!("down {}", show_machines(ids)),
        Operation::MachinesUp(ids) => format!("up {}", show_machines(ids)),
        Operation::BeginEnforcement(ids) => format!("begin {}", show_machines(ids)),
        Operation::Audit(action) => {
            format!("audit {} [{}] {}", action.action, action.subject.as_deref().unwrap_or(""), action.result)
        }
        Operation::SetAnswers(answers) => {
            let one = |answer: &kaon_api::internal::KaonAnswer| {
                let (agent, by) = (&answer.agent_id.value, &answer.status.framework_id.value);
                format!("answer {agent} {by} {}", answer.status.status.name())
            };
            answers.iter().map(one).collect::<Vec<_>>().join(", ")
        }
    }
}

fn show_machines(ids: &[v1::MachineID]) -> String {
    let one = |id: &v1::MachineID| id.hostname.clone().or(id.ip.clone()).unwrap_or_default();
    ids.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn show_message(message: &ToPeer) -> String {
    /// The description of a framework is long, and the same each time.
    fn brief(info: &mut v1::FrameworkInfo) {
        *info = v1::FrameworkInfo {
            id: info.id.take(),
            name: std::mem::take(&mut info.name),
            ..Default::default()
        };
    }
    let text = |message: String| message.replace(r#""failover_timeout":0.0,"checkpoint":false"#, "");
    match message.clone() {
        ToPeer::AgentReregistered(mut message) => {
            for question in &mut message.reconciliations {
                question.framework = None;
            }
            to_json(&message, Dialect::V1)
        }
        ToPeer::RunTask(mut message) => {
            brief(&mut message.framework);
            text(to_json(&message, Dialect::V1))
        }
        ToPeer::RunTaskGroup(mut message) => {
            brief(&mut message.framework);
            text(to_json(&message, Dialect::V1))
        }
        // Its uuid is drawn anew by every master.
        ToPeer::ApplyOperation(mut message) => {
            message.operation_uuid.value.clear();
            to_json(&message, Dialect::V1)
        }
        ToPeer::AcknowledgeOperationStatus(mut message) => {
            message.operation_uuid.value.clear();
            to_json(&message, Dialect::V1)
        }
        ToPeer::ReconcileOperations(mut message) => {
            message.operations.iter_mut().for_each(|one| one.operation_uuid = None);
            to_json(&message, Dialect::V1)
        }
        ToPeer::FrameworkRegistered(mut message) => {
            *message.master_info = Default::default();
            to_json(&message, Dialect::V1)
        }
        ToPeer::FrameworkReregistered(mut message) => {
            *message.master_info = Default::default();
            to_json(&message, Dialect::V1)
        }
        ToPeer::AuthenticationStep(message) => String::from_utf8(message.data).unwrap(),
        other => other.to_json(),
    }
}
