// SPDX-License-Identifier: Apache-2.0

//! Holds one answer against the recorded one: code, headers that matter, body.

use anyhow::{Context, Result};
use kaon_api::json::{Dialect, to_json};
use kaon_api::v1;
use kaon_api::wire::Message;
use serde_json::Value;

use crate::compare::{Comparison, Places};
use crate::difference::Difference;
use crate::http::{Answer, record};

/// What clients look at. Dates and lengths are looked at apart; the order of headers says nothing.
const HEADERS: &[&str] = &[
    "Allow",
    "Content-Encoding",
    "Content-Type",
    "Location",
    "Mesos-Stream-Id",
    "Server",
    "Transfer-Encoding",
];

/// All that differs. `target` is that of the request.
pub fn compare(target: &str, recorded: &Answer, found: &Answer, places: &Places) -> Vec<Difference> {
    let mut comparison = Comparison::new(places.clone());
    heads(&mut comparison, recorded, found);
    if let Err(error) = body(&mut comparison, target, recorded, found) {
        comparison.differences.push(Difference::other("body", "what can be read", format!("{error:#}")));
    }
    comparison.differences
}

/// What differs before the body.
pub fn head(recorded: &Answer, found: &Answer) -> Vec<Difference> {
    let mut comparison = Comparison::default();
    heads(&mut comparison, recorded, found);
    comparison.differences
}

fn heads(comparison: &mut Comparison, recorded: &Answer, found: &Answer) {
    if recorded.status != found.status {
        comparison.differences.push(Difference::other("status", recorded.status, found.status));
    }
    for name in HEADERS {
        let path = format!("header:{name}");
        match (recorded.header(name), found.header(name)) {
            (Some(recorded), Some(found)) => comparison.text(&path, recorded, found),
            (Some(recorded), None) => comparison.differences.push(Difference::missing(&path, recorded)),
            (None, Some(found)) => comparison.differences.push(Difference::extra(&path, found)),
            (None, None) => {}
        }
    }
    if found.header("Date").is_none() {
        comparison.differences.push(Difference::missing("header:Date", "a date"));
    }
    let length = found.header("Content-Length").map(str::parse::<usize>);
    match (length, &found.chunks) {
        (None, Some(_)) => {}
        (Some(Ok(length)), None) if length == found.body.len() => {}
        _ => {
            let length = format!("{:?}", found.header("Content-Length"));
            comparison.differences.push(Difference::other("header:Content-Length", found.body.len(), length));
        }
    }
}

fn body(comparison: &mut Comparison, target: &str, recorded: &Answer, found: &Answer) -> Result<()> {
    let kind = recorded.header("Content-Type").unwrap_or_default();
    if recorded.chunks.is_some() {
        return records(comparison, kind, recorded, found);
    }
    let (recorded, found) = (recorded.plain_body().context("of the recording")?, found.plain_body()?);
    match kind {
        "application/json" => {
            let (recorded, found) = (serde_json::from_slice(&recorded)?, parse(&found)?);
            // The one answer that is a list of actors says so in its path alone.
            let key = if target == "/__processes__" { "__processes__" } else { "" };
            comparison.value("$", key, &recorded, &found);
            if target.contains("/tasks") {
                order(comparison, &recorded, &found);
            }
        }
        "text/javascript" => {
            let (recorded, found) = (function(&recorded)?, function(&found)?);
            comparison.text("body", recorded.0, found.0);
            comparison.json(&parse(recorded.1)?, &parse(found.1)?);
        }
        "application/x-protobuf" => {
            let json =
                |body: &[u8]| parse(to_json(&v1::master::Response::decode(body)?, Dialect::V1).as_bytes());
            comparison.json(&json(&recorded)?, &json(&found)?);
        }
        _ => comparison.text("body", &String::from_utf8_lossy(&recorded), &String::from_utf8_lossy(&found)),
    }
    Ok(())
}

fn parse(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body)
        .with_context(|| format!("'{:.200}' is not JSON", String::from_utf8_lossy(body)))
}

/// The name and the argument of `name(argument);`.
fn function(body: &[u8]) -> Result<(&str, &[u8])> {
    let text = std::str::from_utf8(body)?;
    let (name, rest) = text.split_once('(').context("no function is called")?;
    let argument =
        rest.strip_suffix(')').or_else(|| rest.strip_suffix(");")).context("the call does not end")?;
    Ok((name, argument.as_bytes()))
}

/// Events, each in a chunk of its own. Heartbeats come when they come, so they are not compared.
fn records(comparison: &mut Comparison, kind: &str, recorded: &Answer, found: &Answer) -> Result<()> {
    let recorded = events(kind, recorded).context("of the recording")?;
    let found = events(kind, found)?;
    for (at, recorded) in recorded.iter().enumerate() {
        let path = format!("$[{at}]");
        match found.get(at) {
            Some(found) => comparison.value(&path, "", recorded, found),
            None => comparison.differences.push(Difference::missing(&path, recorded)),
        }
    }
    for (at, found) in found.iter().enumerate().skip(recorded.len()) {
        comparison.differences.push(Difference::extra(&format!("$[{at}]"), found));
    }
    Ok(())
}

/// The events of a stream but for heartbeats, as JSON.
pub fn events(kind: &str, answer: &Answer) -> Result<Vec<Value>> {
    let chunks = answer.chunks.as_deref().context("it did not come in chunks")?;
    let mut events = Vec::new();
    for chunk in chunks {
        let event = event(kind, chunk)?;
        if event["type"] != "HEARTBEAT" {
            events.push(event);
        }
    }
    Ok(events)
}

pub fn event(kind: &str, chunk: &[u8]) -> Result<Value> {
    let record = record(chunk)?;
    match kind {
        "application/x-protobuf" => {
            parse(to_json(&v1::scheduler::Event::decode(record)?, Dialect::V1).as_bytes())
        }
        _ => parse(record),
    }
}

/// Tasks are listed by the time of their first status, in the order that was asked for.
fn order(comparison: &mut Comparison, recorded: &Value, found: &Value) {
    let rises = |list: &Value| -> Option<bool> {
        let tasks = list["tasks"].as_array()?;
        let times: Vec<f64> =
            tasks.iter().filter_map(|task| task["statuses"][0]["timestamp"].as_f64()).collect();
        match (times.is_sorted(), times.is_sorted_by(|a, b| a >= b)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    };
    let word = |rises: Option<bool>| match rises {
        Some(true) => "rising",
        Some(false) => "falling",
        None => "neither",
    };
    let (recorded, found) = (word(rises(recorded)), word(rises(found)));
    if recorded != found {
        comparison.differences.push(Difference::other("$.tasks: order", recorded, found));
    }
}
