// SPDX-License-Identifier: Apache-2.0

//! What operators are answered who take an agent out of service, by how the agent stands.
//!
//! The texts are those of Mesos 1.11, which was asked the same where it can be brought to that point.

use crate::scene::Stage;
use crate::transitions::{GONE, disconnected, gone, recovered, registered, unreachable};

const DEACTIVATE: &str =
    r#"operator {"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"$A1"}}}"#;
const REACTIVATE: &str =
    r#"operator {"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"$A1"}}}"#;
const DRAIN: &str = r#"operator {"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"$A1"},"max_grace_period":{"seconds":5}}}"#;
const DRAIN_GONE: &str =
    r#"operator {"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"$A1"},"mark_gone":true}}"#;

fn with(mut stage: Stage, inputs: &[&str]) -> Stage {
    inputs.iter().for_each(|input| drop(stage.play(input)));
    stage
}

fn deactivated() -> Stage {
    with(registered(), &[DEACTIVATE])
}

fn draining() -> Stage {
    with(registered(), &[DRAIN])
}

/// Nothing ran on it.
fn drained() -> Stage {
    with(Stage::new(), &["join 1 cpus:4;mem:512", DRAIN])
}

fn drained_later() -> Stage {
    with(drained(), &["failover"])
}

/// That it is gone is being written.
fn going() -> Stage {
    with(registered(), &["writes held", GONE])
}

fn drained_and_going() -> Stage {
    with(Stage::new(), &["join 1 cpus:4;mem:512", "writes held", DRAIN_GONE, "stored 2"])
}

fn incapable() -> Stage {
    let register = r#"message slave(1)@10.0.0.1:5051 master RegisterAgent {"agent":{"hostname":"host1","port":5051},"version":"1.11.0"}"#;
    with(Stage::new(), &[register])
}

/// The agent's id by its name; that of a master that leads is shortened on the stage.
fn named(stage: &Stage, line: &str) -> String {
    line.replace(&stage.named("$A1"), "$A1").replace("M-S0", "$A1")
}

/// How the agent stands, what is asked, what is answered, and what is written before.
type Row = (fn() -> Stage, &'static str, &'static str, Option<&'static str>);

const ROWS: &[Row] = &[
    (registered, DEACTIVATE, "200", Some("duty $A1 DEACTIVATED")),
    (disconnected, DEACTIVATE, "200", Some("duty $A1 DEACTIVATED")),
    (unreachable, DEACTIVATE, "200", Some("duty $A1 DEACTIVATED")),
    (recovered, DEACTIVATE, "200", Some("duty $A1 DEACTIVATED")),
    (deactivated, DEACTIVATE, "200", Some("duty $A1 DEACTIVATED")),
    (draining, DEACTIVATE, "200", Some("duty $A1 DRAINING")),
    (drained, DEACTIVATE, "200", Some("duty $A1 DRAINED")),
    (gone, DEACTIVATE, "400 Unknown agent", None),
    (going, DEACTIVATE, "409 Agent removed while processing the call", None),
    (registered, REACTIVATE, "400 Agent is not deactivated", None),
    (unreachable, REACTIVATE, "400 Agent is not deactivated", None),
    (deactivated, REACTIVATE, "200", Some("duty $A1 ACTIVE")),
    (draining, REACTIVATE, "400 Agent is still in the DRAINING state", None),
    (drained, REACTIVATE, "200", Some("duty $A1 ACTIVE")),
    (drained_later, REACTIVATE, "200", Some("duty $A1 ACTIVE")),
    (gone, REACTIVATE, "400 Agent is not deactivated", None),
    (going, REACTIVATE, "409 Agent removed while processing the call", None),
    (registered, DRAIN, "200", Some("duty $A1 DRAINING")),
    (disconnected, DRAIN, "200", Some("duty $A1 DRAINING")),
    (unreachable, DRAIN, "200", Some("duty $A1 DRAINING")),
    (recovered, DRAIN, "200", Some("duty $A1 DRAINING")),
    (deactivated, DRAIN, "200", Some("duty $A1 DRAINING")),
    (draining, DRAIN, "200", Some("duty $A1 DRAINING")),
    (drained_later, DRAIN, "200", Some("duty $A1 DRAINING")),
    (incapable, DRAIN, "400 Agent $A1 is not capable of draining", None),
    (gone, DRAIN, "400 Unknown agent", None),
    (going, DRAIN, "409 Agent is currently being marked gone", None),
    (drained_and_going, DRAIN_GONE, "409 Agent is currently being marked gone", None),
    (registered, GONE, "200", Some("gone $A1")),
    (disconnected, GONE, "200", Some("gone $A1")),
    (unreachable, GONE, "200", Some("gone $A1")),
    (recovered, GONE, "200", Some("gone $A1")),
    (draining, GONE, "200", Some("gone $A1")),
    (gone, GONE, "200", None),
    (going, GONE, "503 Agent '$A1' is in transition: try again", None),
];

/// The effects without what is written down and said of the operator's action: `scenes/audit.txt` is about that.
fn unaudited(effects: &str) -> String {
    let own = |line: &&str| !line.starts_with("audit ") && line.split(' ').nth(2) != Some("audit");
    let lines = effects.lines().filter(own);
    lines.map(|line| line.split(", audit ").next().unwrap_or(line).to_string() + "\n").collect()
}

#[test]
fn operators_are_answered_by_how_the_agent_stands() {
    for (number, (standing, input, answer, written)) in ROWS.iter().enumerate() {
        let mut stage = standing();
        let effects = unaudited(&stage.play(input));
        let told = |prefix: &str| -> Vec<String> {
            effects
                .lines()
                .filter_map(|line| line.strip_prefix(prefix))
                .map(|line| named(&stage, line))
                .collect()
        };
        let row = format!("row {number}: {input}\n{effects}");
        assert_eq!(told("reply "), [*answer], "{row}");
        // The number of the write comes first.
        let stored = told("store ");
        let first = stored.first().and_then(|line| line.split_once(' ')).map(|(_, what)| what.to_string());
        assert_eq!(first, written.map(str::to_string), "{row}");
        if written.is_none() {
            assert_eq!(effects.lines().count(), 1, "nothing but the answer: {row}");
        }
    }
}

#[test]
fn what_is_not_well_formed_changes_nothing() {
    for (input, answer) in [
        (r#"{"type":"DRAIN_AGENT"}"#, "400 Expecting 'drain_agent' to be present"),
        (r#"{"type":"DEACTIVATE_AGENT"}"#, "400 Expecting 'deactivate_agent' to be present"),
        (r#"{"type":"REACTIVATE_AGENT"}"#, "400 Expecting 'reactivate_agent' to be present"),
        (r#"{"type":"MARK_AGENT_GONE"}"#, "400 Expecting 'mark_agent_gone' to be present"),
        (r#"{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"nobody"}}}"#, "400 Unknown agent"),
        (r#"{"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":""}}}"#, "400 Unknown agent"),
        (
            r#"{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"nobody"}}}"#,
            "400 Agent is not deactivated",
        ),
        (
            r#"{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"nobody"}}}"#,
            "404 Agent 'nobody' not found",
        ),
    ] {
        let effects = unaudited(&registered().play(&format!("operator {input}")));
        assert_eq!(effects.trim_end(), format!("reply {answer}"), "{input}");
    }
}

#[test]
fn words_about_one_agent_are_heard_in_order() {
    let mut stage = with(registered(), &["writes held", DRAIN]);
    for waiting in [DEACTIVATE, REACTIVATE, DRAIN] {
        assert_eq!(stage.play(waiting), "", "{waiting}");
    }
    // Each write gives way to the next; what is refused makes no write.
    for (stored, expected) in [
        ("stored 2", &["reply 200", "store 3 duty $A1 DRAINING"][..]),
        (
            "stored 3",
            &["reply 200", "reply 400 Agent is still in the DRAINING state", "store 4 duty $A1 DRAINING"],
        ),
        ("stored 4", &["reply 200"]),
    ] {
        let effects = unaudited(&stage.play(stored));
        let kept = effects.lines().filter(|line| line.starts_with("reply") || line.starts_with("store"));
        let kept: Vec<String> = kept.map(|line| named(&stage, line)).collect();
        assert_eq!(kept, expected, "{stored}");
    }
}
