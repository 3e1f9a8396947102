// SPDX-License-Identifier: Apache-2.0

//! Views rendered, compared letter by letter with what Mesos 1.11 answered in the same situation.
//!
//! The answers lie beside the tests. In them ids and ports are shortened, lists whose order Mesos leaves to a hash
//! table are in our order, and doubles have the fewest digits that read back.

mod cluster;
mod durable;
mod figures;
mod live;
mod past;

use std::collections::BTreeMap;

use kaon_api::json::{self, Dialect};
use kaon_api::v1::master::{Call, Response, call};
use kaon_api::wire::{Enumeration, Message};

use crate::query;
use crate::view::View;

/// The message that JSON says, with whatever only v0 knows.
fn read<M: Message>(text: &str) -> M {
    let parsed = json::parse(text.as_bytes()).unwrap();
    json::from_json(&parsed, Dialect::Master).unwrap()
}

fn reading(name: &str) -> Call {
    Call { r#type: Some(call::Type::from_name(name).unwrap()), ..Default::default() }
}

/// The JSON answer to an operator's call.
fn asked(view: &View, name: &str) -> String {
    query::v1_json(view, &reading(name), BTreeMap::new).unwrap()
}

/// The JSON of an endpoint.
fn got(view: &View, endpoint: &str, query: &[(&str, &str)]) -> String {
    let query: Vec<_> = query.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    query::v0(view, endpoint, &query).unwrap()
}

/// Endpoints, calls: what is rendered is what was recorded, to the letter.
macro_rules! assert_recorded {
    ($view:expr, $folder:literal, endpoints: [$($endpoint:literal),*], calls: [$($call:literal),*]) => {
        $(super::assert_same(
            $endpoint,
            &super::got(&$view, $endpoint, &[]),
            include_str!(concat!($folder, "/", $endpoint, ".json"))
        );)*
        $(super::assert_same(
            $call,
            &super::asked(&$view, $call),
            include_str!(concat!($folder, "/", $call, ".json"))
        );
        super::assert_binary_agrees(&$view, $call);)*
    };
}
use assert_recorded;

/// Tells where two long texts part.
fn assert_same(name: &str, own: &str, recorded: &str) {
    let recorded = recorded.trim_end();
    let same = own.bytes().zip(recorded.bytes()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(60);
    let around =
        |text: &str| String::from_utf8_lossy(&text.as_bytes()[from..text.len().min(same + 60)]).into_owned();
    assert!(own == recorded, "{name}, byte {same}: {}\n  instead of {}", around(own), around(recorded));
}

/// The binary answer says what the JSON answer says.
fn assert_binary_agrees(view: &View, name: &str) {
    let answer = query::v1(view, &reading(name), BTreeMap::new).unwrap();
    let sent = Response::decode(&answer.encode()).unwrap();
    let spoken: Response = read(&asked(view, name));
    assert_eq!(json::to_json(&sent, Dialect::V1), json::to_json(&spoken, Dialect::V1), "{name}");
}

#[test]
fn every_listed_endpoint_answers_with_json_and_no_other_does() {
    let view = cluster::empty(0.0, 0.0);
    for endpoint in query::ENDPOINTS {
        assert!(json::parse(got(&view, endpoint, &[]).as_bytes()).is_ok(), "{endpoint}");
    }
    for other in ["", "State", "state.json", "redirect", "health"] {
        assert_eq!(query::v0(&view, other, &[]), None, "{other}");
    }
}

#[test]
fn only_reading_calls_are_answered() {
    let view = cluster::empty(0.0, 0.0);
    for kind in call::Type::VALUES.iter().map(|entry| entry.0) {
        let asks = kind.name().starts_with("GET_") && kind != call::Type::GetLoggingLevel;
        let answer = query::v1(&view, &reading(kind.name()), BTreeMap::new);
        assert_eq!(answer.is_some(), asks, "{}", kind.name());
        let answer = query::v1_json(&view, &reading(kind.name()), BTreeMap::new);
        assert_eq!(answer.is_some(), asks, "{}", kind.name());
    }
    assert_eq!(query::v1(&view, &Call::default(), BTreeMap::new), None);
}
