// SPDX-License-Identifier: Apache-2.0

//! Answers and events recorded from Mesos 1.11, read and written again byte by byte.

use std::path::Path;

use kaon_api::json::{self, Dialect};
use kaon_api::recordio;
use kaon_api::v1;
use kaon_api::wire::Message;

struct Exchange {
    path: String,
    request: Vec<u8>,
    status: u16,
    answer: Vec<u8>,
}

fn recording(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn after<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some(&bytes[at + mark.len()..])
}

/// What follows the head of an HTTP message.
fn body(http: &[u8]) -> &[u8] {
    after(http, b"\r\n\r\n").or_else(|| after(http, b"\n\n")).unwrap()
}

fn exchange(name: &str) -> Exchange {
    let bytes = recording(name);
    let words = |bytes: &[u8], nth: usize| {
        String::from_utf8_lossy(bytes).split_whitespace().nth(nth).map(str::to_owned)
    };
    // One recording has the answer alone.
    let answer = after(&bytes, b"<<< RESPONSE\n").unwrap_or(&bytes);
    let request = bytes[..bytes.len() - answer.len()].strip_suffix(b"<<< RESPONSE\n").unwrap_or(b"\n\n");
    Exchange {
        path: words(request, 3).unwrap_or_default(),
        request: body(request).trim_ascii_end().to_vec(),
        status: words(answer, 1).unwrap().parse().unwrap(),
        // The recorder ends each file with a line feed.
        answer: body(answer).strip_suffix(b"\n").unwrap_or(body(answer)).to_vec(),
    }
}

/// Drops members that are empty lists. Mesos writes some of these answers by hand, and shows such lists, which
/// a message does not distinguish from absent ones.
fn without_empty_lists(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\":[]") {
        let key = rest[..at].rfind('"').unwrap();
        out.push_str(&rest[..key]);
        rest = &rest[at + 4..];
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => out.truncate(out.trim_end_matches(',').len()),
        }
    }
    out + rest
}

fn same<M: Message>(text: &str, dialect: Dialect) {
    let message: M = json::from_json(&json::parse(text.as_bytes()).unwrap(), dialect).unwrap();
    same_text(&json::to_json(&message, dialect), &with_our_doubles(text));
    assert_eq!(M::decode(&message.encode()).unwrap(), message);
    assert!(message.unknown().is_empty());
}

/// The text with its doubles written by us. Mesos chooses another last digit at times, of those that read back as
/// the same double.
fn with_our_doubles(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\":").map(|at| at + 2) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = rest.find(|c: char| !c.is_ascii_digit() && !"+-.e".contains(c)).unwrap_or(rest.len());
        let (number, after) = rest.split_at(length);
        match number.parse() {
            Ok(double) if number.contains('.') => out.push_str(&json::format_double(double)),
            _ => out.push_str(number),
        }
        rest = after;
    }
    out + rest
}

/// Equality that on failure shows only the place.
fn same_text(ours: &str, theirs: &str) {
    let at = ours.bytes().zip(theirs.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let bytes = text.as_bytes();
        let piece = &bytes[at.saturating_sub(60).min(bytes.len())..(at + 60).min(bytes.len())];
        String::from_utf8_lossy(piece).into_owned()
    };
    assert!(ours == theirs, "at {at}:\n  ours   {}\n  theirs {}", around(ours), around(theirs));
}

#[test]
fn answers_of_a_master_are_the_same() {
    for (call, dialect) in [
        ("AGENTS", Dialect::Master),
        ("EXECUTORS", Dialect::Master),
        ("FLAGS", Dialect::V1),
        ("FRAMEWORKS", Dialect::Master),
        ("HEALTH", Dialect::V1),
        ("LOGGING_LEVEL", Dialect::V1),
        ("MAINTENANCE_SCHEDULE", Dialect::V1),
        ("MAINTENANCE_STATUS", Dialect::V1),
        ("MASTER", Dialect::V1),
        ("METRICS_ok", Dialect::V1),
        ("OPERATIONS", Dialect::V1),
        ("QUOTA", Dialect::V1),
        ("ROLES", Dialect::V1),
        ("STATE", Dialect::Master),
        ("VERSION", Dialect::V1),
        ("WEIGHTS", Dialect::V1),
    ] {
        let exchange = exchange(&format!("master_v1_GET_{call}.txt"));
        assert_eq!(exchange.status, 200);
        let text = String::from_utf8(exchange.answer).unwrap();
        let text = if dialect == Dialect::Master { without_empty_lists(&text) } else { text };
        same::<v1::master::Response>(&text, dialect);
        if !exchange.request.is_empty() {
            same_request::<v1::master::Call>(&exchange.request);
        }
    }
}

#[test]
fn answers_of_an_agent_are_the_same() {
    for (call, by_hand) in [
        ("AGENT", false),
        ("CONTAINERS", false),
        ("EXECUTORS", true),
        ("FLAGS", false),
        ("FRAMEWORKS", true),
        ("HEALTH", false),
        ("LOGGING_LEVEL", false),
        ("OPERATIONS", false),
        ("RESOURCE_PROVIDERS", false),
        ("STATE", true),
        ("VERSION", false),
    ] {
        let exchange = exchange(&format!("agent_v1_GET_{call}.txt"));
        let text = String::from_utf8(exchange.answer).unwrap();
        let text = if by_hand { without_empty_lists(&text) } else { text };
        same::<v1::agent::Response>(&text, Dialect::V1);
        same_request::<v1::agent::Call>(&exchange.request);
    }
}

/// Requests were written by another client, with spaces.
fn same_request<M: Message>(request: &[u8]) {
    let message: M = json::from_json(&json::parse(request).unwrap(), Dialect::V1).unwrap();
    let text = String::from_utf8(request.to_vec()).unwrap().replace("\": ", "\":").replace(", \"", ",\"");
    same_text(&json::to_json(&message, Dialect::V1), &text);
}

/// The records of a stream; each is on one line.
fn events(name: &str) -> Vec<String> {
    let text = String::from_utf8(recording(name)).unwrap();
    let stream = text.split_once("<<< RESPONSE").map_or(text.as_str(), |(_, answer)| answer);
    stream.lines().filter(|line| line.starts_with('{')).map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn events_are_the_same() {
    let subscribed = events("sched_SUBSCRIBE_json.txt");
    let calls = events("sched_stream_after_calls.txt");
    assert_eq!((subscribed.len(), calls.len()), (5, 7));
    for event in subscribed.iter().chain(&calls) {
        same::<v1::scheduler::Event>(event, Dialect::V1);
    }
    let operator = events("operator_SUBSCRIBE_json.txt");
    assert_eq!(operator.len(), 2);
    for event in operator {
        same::<v1::master::Event>(&without_empty_lists(&event), Dialect::Master);
    }
}

/// A stream in binary: chunks of HTTP, in each one record.
#[test]
fn binary_events_are_the_same() {
    let exchange = recording("sched_SUBSCRIBE_pb.txt");
    let request = after(&exchange, b"\r\n\r\n").unwrap();
    let call = &request[..18];
    assert_eq!(v1::scheduler::Call::decode(call).unwrap().encode(), call);

    let mut rest = body(after(&exchange, b"<<< RESPONSE\n").unwrap());
    let mut decoder = recordio::Decoder::new(1 << 20);
    let mut types = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n").filter(|line| *line > 0) {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        let chunk = &rest[line + 2..line + 2 + length];
        rest = &rest[line + 2 + length + 2..];
        decoder.feed(chunk);
        let record = decoder.next_record().unwrap().expect("a chunk holds a record");
        assert_eq!(decoder.next_record(), Ok(None));
        let event = v1::scheduler::Event::decode(&record).unwrap();
        assert_eq!(event.encode(), record);
        let mut written = Vec::new();
        recordio::encode(&record, &mut written);
        assert_eq!(written, chunk);
        types.push(event.r#type);
    }
    use v1::scheduler::event::Type;
    assert_eq!(types[..3], [Some(Type::Subscribed), Some(Type::Heartbeat), Some(Type::Offers)]);
}

/// What an endpoint answers to a body that is no call; none if it is one.
fn refusal(path: &str, request: &[u8]) -> Option<String> {
    fn read<M: Message>(request: &[u8]) -> Option<String> {
        let json = match json::parse(request) {
            Ok(json) => json,
            Err(error) => return Some(format!("Failed to parse body into JSON: {error}")),
        };
        let error = json::from_json::<M>(&json, Dialect::V1).err()?;
        Some(format!("Failed to convert JSON into Call protobuf: {error}"))
    }
    match path {
        "/api/v1" => read::<v1::master::Call>(request),
        "/api/v1/scheduler" => read::<v1::scheduler::Call>(request),
        "/api/v1/executor" => read::<v1::executor::Call>(request),
        other => panic!("{other}"),
    }
}

#[test]
fn refusals_are_the_same() {
    let mut refused = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with("err_") && !name.starts_with("call_") || name == "call_deep_json.txt" {
            continue;
        }
        let exchange = exchange(&name);
        let answer = String::from_utf8(exchange.answer).unwrap();
        let expected = answer.starts_with("Failed to parse") || answer.starts_with("Failed to convert");
        let ours = refusal(&exchange.path, &exchange.request);
        assert_eq!(ours, expected.then_some(answer), "{name}");
        refused += usize::from(expected);
    }
    assert_eq!(refused, 8);
}

/// The recording abbreviates its request, 10,000 brackets.
#[test]
fn deep_nesting_is_refused_in_the_same_words() {
    let request = ["[".repeat(5000), "]".repeat(5000)].concat();
    let answer = String::from_utf8(exchange("call_deep_json.txt").answer).unwrap();
    assert_eq!(refusal("/api/v1", request.as_bytes()), Some(answer));
}

/// Bodies sent to Mesos, and its answers, shortened to what follows `Failed to `.
#[test]
fn mistakes_in_json_are_answered_in_the_same_words() {
    let task = |member: &str| {
        format!(
            r#"{{"accept":{{"operations":[{{"launch":{{"task_infos":[{{"name":"t","task_id":{{"value":"t"}},"agent_id":{{"value":"a"}},{member}}}]}}}}]}}}}"#
        )
    };
    let path = "accept.operations[0].launch.task_infos[0]";
    let missing =
        |field: &str| format!("convert JSON into Call protobuf: Missing required fields: {path}.{field}");
    let not = |kind: &str, field: &str| {
        format!("convert JSON into Call protobuf: Not expecting a JSON {kind} for field '{field}'")
    };
    let number = |text: &str, why: &str| {
        format!(
            "convert JSON into Call protobuf: Failed to parse '{text}' as a JSON number for field 'nanoseconds': {why}"
        )
    };
    let grace = |value: &str| task(&format!(r#""kill_policy":{{"grace_period":{{"nanoseconds":{value}}}}}"#));
    let trailing = "parse body into JSON: Parsed JSON included non-whitespace trailing characters: ";
    let syntax = "parse body into JSON: syntax error at line ";
    let cases: Vec<(String, String)> = vec![
        ("{} x \n ".into(), format!("{trailing} x")),
        ("{\"a\":1}}".into(), format!("{trailing}}}")),
        ("{\"a\":\"\\\n\n foo\"}".into(), format!("{syntax}1 near: ")),
        ("{\"a\"\n\n:\n,\n}".into(), format!("{syntax}4 near: ,")),
        ("\"\\ud800\\x\"".into(), format!("{syntax}1 near: x\"")),
        ("nulx".into(), format!("{syntax}1 near: x")),
        ("{\"a\":1e400,oops".into(), "parse body into JSON: Value out of range".into()),
        (task(r#""command":{"shell":1}"#), not("number", "shell")),
        (task(r#""command":{"value":true}"#), not("boolean", "value")),
        (task(r#""command":{"arguments":[["a"],[5]]}"#), not("number", "arguments")),
        (task(r#""command":[{"value":"x"}]"#), not("array", "command")),
        (task(r#""command":"x""#), not("string", "command")),
        (task(r#""limits":{"cpus":5}"#), not("number", "value")),
        (task(r#""limits":"x""#), not("string", "limits")),
        (task(r#""resources":{"name":"x"}"#), missing("resources[0].type")),
        (task(r#""limits":{"cpus":{"value":"1"},"mem":{}}"#), missing("limits[1].value.value")),
        (
            task(r#""resources":[{"name":"x","type":"FOO"}]"#),
            "convert JSON into Call protobuf: Failed to find enum for 'FOO'".into(),
        ),
        (
            task(r#""data":"\u0023##""#),
            "convert JSON into Call protobuf: Failed to base64 decode bytes field 'data': Invalid character '#'".into(),
        ),
        (grace("\"five\""), number("five", "syntax error at line 1 near: ive")),
        (grace("\"1 x\""), number("1 x", "Parsed JSON included non-whitespace trailing characters: x")),
        (grace("\"5 \""), number("5 ", "Parsed JSON included non-whitespace trailing characters: ")),
        (grace("\"true\""), number("true", "Unexpected JSON type parsed")),
        (grace("\"1e400\""), number("1e400", "Value out of range")),
    ];
    for (request, answer) in cases {
        let ours = refusal("/api/v1/scheduler", request.as_bytes());
        assert_eq!(ours, Some(format!("Failed to {answer}")), "{request}");
    }
    for request in [
        task(r#""command":{"shell":" true ","arguments":"x"}"#),
        task(r#""command":{"arguments":[["a"],null,["b",["c"]]]}"#),
        task(r#""data":"Y Q""#),
        task(r#""limits":[{"cpus":{"value":"Infinity"}}]"#),
        task(r#""resources":[null],"command":null"#),
        grace("\"5x\""),
        grace("-1.5"),
    ] {
        assert_eq!(refusal("/api/v1/scheduler", request.as_bytes()), None, "{request}");
    }
}
