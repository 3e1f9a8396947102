// SPDX-License-Identifier: Apache-2.0

//! Machines that are scheduled or down, as records.

use std::collections::{BTreeMap, BTreeSet};

use kaon_sdk::maintenance::{Schedule, Window};
use kaon_sdk::v1::MachineID;
use kaon_sdk::v1::allocator::{InverseOfferStatus, inverse_offer_status::Status};
use kaon_sdk::v1::maintenance::ClusterStatus;
use serde_json::{Value, json};

use crate::machines::{Key, key};
use crate::moment::{show_moment, show_span};
use crate::table::{Column, Shown};

/// One record for each machine, in the order of the schedule.
pub fn machines(schedule: &Schedule, status: &ClusterStatus) -> Vec<Value> {
    let down: BTreeSet<Key> = status.down_machines.iter().map(key).collect();
    let asked: BTreeMap<Key, &[InverseOfferStatus]> = status
        .draining_machines
        .iter()
        .map(|draining| (key(&draining.id), draining.statuses.as_slice()))
        .collect();
    let planned = schedule.windows.iter();
    let planned = planned.flat_map(|window| window.machine_ids.iter().map(move |machine| (machine, window)));
    let record = |(machine, window): (&MachineID, &Window)| {
        let key = key(machine);
        record(machine, window, down.contains(&key), asked.get(&key).copied().unwrap_or_default())
    };
    planned.map(record).collect()
}

fn record(machine: &MachineID, window: &Window, is_down: bool, answers: &[InverseOfferStatus]) -> Value {
    let answer = |answer: &InverseOfferStatus| {
        json!({
            "framework": answer.framework_id.value,
            "answer": match answer.status {
                Status::Accept => "accepted",
                Status::Decline => "declined",
                Status::Unknown => "unknown",
            },
            "time": show_moment(answer.timestamp.nanoseconds),
        })
    };
    let answers: Vec<Value> = answers.iter().map(answer).collect();
    let time = &window.unavailability;
    let enforcement = window.enforcement.as_ref().map(|enforcement| {
        json!({
            "grace": enforcement.max_grace_period.as_ref().map(|grace| show_span(grace.nanoseconds)),
            "up_again": enforcement.up_again.unwrap_or_default(),
        })
    });
    json!({
        "hostname": machine.hostname,
        "ip": machine.ip,
        "state": if is_down { "down" } else { "scheduled" },
        "start": show_moment(time.start.nanoseconds),
        "duration": time.duration.as_ref().map(|duration| show_span(duration.nanoseconds)),
        "enforcement": enforcement,
        "answers": answers,
    })
}

pub const MACHINES: [Column; 7] = [
    Column { title: "HOST", wide: false, show: |record| text(&record["hostname"]) },
    Column { title: "ADDRESS", wide: false, show: |record| text(&record["ip"]) },
    Column { title: "STATE", wide: false, show: |record| text(&record["state"]) },
    Column { title: "START", wide: false, show: |record| text(&record["start"]) },
    Column { title: "DURATION", wide: false, show: |record| text(&record["duration"]) },
    Column { title: "ENFORCED", wide: false, show: |record| Shown::Text(enforced(&record["enforcement"])) },
    Column { title: "ANSWERS", wide: false, show: |record| Shown::Text(answers(&record["answers"])) },
];

fn text(value: &Value) -> Shown {
    Shown::Text(value.as_str().unwrap_or("-").to_owned())
}

fn enforced(enforcement: &Value) -> String {
    if enforcement.is_null() {
        return "no".to_owned();
    }
    let grace = enforcement["grace"].as_str().map(|grace| format!(", grace {grace}"));
    let up_again = if enforcement["up_again"] == true { ", up again" } else { "" };
    format!("yes{}{up_again}", grace.unwrap_or_default())
}

/// How many frameworks said what.
fn answers(answers: &Value) -> String {
    let count = |kind: &str| {
        let all = answers.as_array().into_iter().flatten();
        (all.filter(|answer| answer["answer"] == kind).count(), kind.to_owned())
    };
    let counted = ["accepted", "declined"].map(count);
    let shown: Vec<String> = counted
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, kind)| format!("{number} {kind}"))
        .collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaon_sdk::maintenance::Enforcement;
    use kaon_sdk::v1;

    #[test]
    fn a_machine_is_told_of_with_its_window_and_its_answers() {
        let machine =
            MachineID { hostname: Some("Web1".into()), ip: Some("10.0.0.1".into()), ..Default::default() };
        let nanos = |nanoseconds| v1::DurationInfo { nanoseconds, ..Default::default() };
        let window = Window {
            machine_ids: vec![machine.clone()],
            unavailability: v1::Unavailability {
                duration: Some(nanos(60_000_000_000)),
                ..Default::default()
            },
            enforcement: Some(Enforcement {
                max_grace_period: Some(nanos(10_000_000_000)),
                up_again: Some(true),
                ..Default::default()
            }),
            ..Default::default()
        };
        let schedule = Schedule { windows: vec![window], ..Default::default() };
        let answer = v1::allocator::InverseOfferStatus { status: Status::Decline, ..Default::default() };
        let mut status = ClusterStatus::default();
        status.draining_machines.push(v1::maintenance::cluster_status::DrainingMachine {
            id: MachineID { hostname: Some("web1".into()), ..machine.clone() },
            statuses: vec![answer],
            ..Default::default()
        });
        let cells = |status: &ClusterStatus| -> Vec<String> {
            let record = machines(&schedule, status).remove(0);
            let cell = |column: &Column| match (column.show)(&record) {
                Shown::Text(text) | Shown::Number(text) => text,
            };
            MACHINES.iter().map(cell).collect()
        };
        let window = ["1970-01-01T00:00:00Z", "1m", "yes, grace 10s, up again"];
        assert_eq!(cells(&status)[2..], ["scheduled", window[0], window[1], window[2], "1 declined"]);
        let down = ClusterStatus { down_machines: vec![machine.clone()], ..Default::default() };
        assert_eq!(cells(&down)[2..], ["down", window[0], window[1], window[2], "-"]);
    }
}
