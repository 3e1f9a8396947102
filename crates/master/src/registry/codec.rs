// SPDX-License-Identifier: Apache-2.0

//! The bytes of a record: its operations one after another.
//!
//! Each is one byte of kind, four bytes of length (little-endian), and a protobuf message of Mesos's registry. A
//! record that a power cut tore is the store's to find out, by its checksum.

use kaon_api::internal;
use kaon_api::internal::registry::{Agent, GoneAgent, GoneAgents, UnreachableAgent, Weight};
use kaon_api::v1;
use kaon_api::wire::Message;
use kaon_model::AgentId;

use super::{Duty, Operation, maintenance};

const ADMIT: u8 = 1;
const UPDATE: u8 = 2;
const REMOVE: u8 = 3;
const UNREACHABLE: u8 = 4;
const GONE: u8 = 5;
const PRUNE: u8 = 6;
const QUOTAS: u8 = 7;
const WEIGHTS: u8 = 8;
const DUTY: u8 = 9;
const SCHEDULE: u8 = 10;
const ENFORCED_SCHEDULE: u8 = 11;
const DOWN: u8 = 12;
const UP: u8 = 13;
const BEGIN: u8 = 14;
const ANSWERS: u8 = 15;
const AUDIT: u8 = 16;

/// The record of one write.
pub fn encode(operations: &[Operation]) -> Vec<u8> {
    let mut out = Vec::new();
    for operation in operations {
        let (kind, body) = encode_one(operation);
        let length = u32::try_from(body.len()).expect("one agent's description is far below 4 GiB");
        out.push(kind);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&body);
    }
    out
}

fn encode_one(operation: &Operation) -> (u8, Vec<u8>) {
    let wire_id = |id: &AgentId| v1::AgentID::from(id.as_str());
    let agent = |info: &v1::AgentInfo| Agent { info: Box::new(info.clone()), ..Default::default() }.encode();
    match operation {
        Operation::AdmitAgent(info) => (ADMIT, agent(info)),
        Operation::UpdateAgent(info) => (UPDATE, agent(info)),
        Operation::RemoveAgent(id) => (REMOVE, wire_id(id).encode()),
        Operation::MarkUnreachable(id, since) => {
            let entry = UnreachableAgent { id: wire_id(id), timestamp: since.clone(), ..Default::default() };
            (UNREACHABLE, entry.encode())
        }
        Operation::MarkGone(id, since) => {
            let entry = GoneAgent { id: wire_id(id), timestamp: since.clone(), ..Default::default() };
            (GONE, entry.encode())
        }
        Operation::SetDuty(id, duty) => {
            let (deactivated, drain_info) = (Some(duty.deactivated), duty.drain.clone());
            let entry = UnreachableAgent { id: wire_id(id), deactivated, drain_info, ..Default::default() };
            (DUTY, entry.encode())
        }
        Operation::Prune(ids) => {
            let one = |id| GoneAgent { id: wire_id(id), ..Default::default() };
            (PRUNE, GoneAgents { agents: ids.iter().map(one).collect(), ..Default::default() }.encode())
        }
        Operation::SetQuotas(configs) => {
            let part = internal::Registry { quota_configs: configs.clone(), ..Default::default() };
            (QUOTAS, part.encode())
        }
        Operation::SetWeights(weights) => {
            let one = |info: &v1::WeightInfo| Weight { info: info.clone(), ..Default::default() };
            let part =
                internal::Registry { weights: weights.iter().map(one).collect(), ..Default::default() };
            (WEIGHTS, part.encode())
        }
        Operation::SetSchedule(schedule) => (SCHEDULE, schedule.encode()),
        Operation::EnforceSchedule(schedule, enforced) => {
            let part = internal::Registry {
                schedules: vec![schedule.clone()],
                kaon_enforced_machines: enforced.clone(),
                ..Default::default()
            };
            (ENFORCED_SCHEDULE, part.encode())
        }
        Operation::MachinesDown(ids) => (DOWN, maintenance::machines(ids).encode()),
        Operation::MachinesUp(ids) => (UP, maintenance::machines(ids).encode()),
        Operation::BeginEnforcement(ids) => (BEGIN, maintenance::machines(ids).encode()),
        Operation::SetAnswers(answers) => {
            let part = internal::Registry { kaon_answers: answers.clone(), ..Default::default() };
            (ANSWERS, part.encode())
        }
        Operation::Audit(action) => (AUDIT, action.encode()),
    }
}

/// The operations of a record, or what is wrong with it.
pub fn decode(mut record: &[u8]) -> Result<Vec<Operation>, String> {
    let mut operations = Vec::new();
    while let Some((&kind, rest)) = record.split_first() {
        let (length, rest) = rest.split_first_chunk::<4>().ok_or("it ends in the middle of an operation")?;
        let length = u32::from_le_bytes(*length) as usize;
        let (body, rest) = rest.split_at_checked(length).ok_or("it ends in the middle of an operation")?;
        operations.push(decode_one(kind, body)?);
        record = rest;
    }
    Ok(operations)
}

fn decode_one(kind: u8, body: &[u8]) -> Result<Operation, String> {
    fn message<M: Message>(body: &[u8]) -> Result<M, String> {
        M::decode(body).map_err(|error| error.to_string())
    }
    let model_id = |id: v1::AgentID| AgentId::from(id.value);
    match kind {
        ADMIT => Ok(Operation::AdmitAgent(message::<Agent>(body)?.info)),
        UPDATE => Ok(Operation::UpdateAgent(message::<Agent>(body)?.info)),
        REMOVE => Ok(Operation::RemoveAgent(model_id(message(body)?))),
        UNREACHABLE => {
            let entry: UnreachableAgent = message(body)?;
            Ok(Operation::MarkUnreachable(model_id(entry.id), entry.timestamp))
        }
        GONE => {
            let entry: GoneAgent = message(body)?;
            Ok(Operation::MarkGone(model_id(entry.id), entry.timestamp))
        }
        DUTY => {
            let entry: UnreachableAgent = message(body)?;
            let duty = Duty { deactivated: entry.deactivated(), drain: entry.drain_info };
            Ok(Operation::SetDuty(model_id(entry.id), duty))
        }
        PRUNE => {
            let all: GoneAgents = message(body)?;
            Ok(Operation::Prune(all.agents.into_iter().map(|entry| model_id(entry.id)).collect()))
        }
        QUOTAS => Ok(Operation::SetQuotas(message::<internal::Registry>(body)?.quota_configs)),
        WEIGHTS => {
            let part: internal::Registry = message(body)?;
            Ok(Operation::SetWeights(part.weights.into_iter().map(|weight| weight.info).collect()))
        }
        SCHEDULE => Ok(Operation::SetSchedule(message(body)?)),
        ENFORCED_SCHEDULE => {
            let mut part: internal::Registry = message(body)?;
            let schedule = part.schedules.pop().unwrap_or_default();
            Ok(Operation::EnforceSchedule(schedule, part.kaon_enforced_machines))
        }
        DOWN => Ok(Operation::MachinesDown(maintenance::ids(message(body)?))),
        UP => Ok(Operation::MachinesUp(maintenance::ids(message(body)?))),
        BEGIN => Ok(Operation::BeginEnforcement(maintenance::ids(message(body)?))),
        ANSWERS => Ok(Operation::SetAnswers(message::<internal::Registry>(body)?.kaon_answers)),
        AUDIT => Ok(Operation::Audit(Box::new(message(body)?))),
        kind => Err(format!("it holds an operation of kind {kind}, which only a newer version knows")),
    }
}
