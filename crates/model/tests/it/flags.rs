// SPDX-License-Identifier: Apache-2.0

//! The `--resources` flag as an agent of Mesos 1.11 reads it.

use crate::some::role;
use kaon_model::{Resources, Role};
use proptest::prelude::*;

fn parse(text: &str) -> Result<String, String> {
    Resources::parse(text, &Role::star()).map(|all| all.to_string()).map_err(|error| error.to_string())
}

#[test]
fn reads_the_short_form() {
    for (text, printed) in [
        (
            "cpus:4;mem:1024;ports:[31000-32000];disk(role):10",
            "cpus:4; mem:1024; disk(reservations: [(STATIC,role)]):10; ports:[31000-32000]",
        ),
        ("cpus:1;cpus:2;cpus(r):1;cpus(*):3", "cpus:6; cpus(reservations: [(STATIC,r)]):1"),
        ("cpus( a ): 1 ;mem:3", "cpus(reservations: [(STATIC,a)]):1; mem:3"),
        ("cpus:1.23456;disk:0.001", "cpus:1.235; disk:0.001"),
        (
            "ports:[31000-32000, 33000-33001,32001-32002];z:{b,a}",
            "ports:[31000-32002, 33000-33001]; z:{a, b}",
        ),
        ("ports:[1-5,3-9];mem:5", "mem:5; ports:[1-9]"),
        ("ports:[-1-2]", "ports:[1-2]"),
        ("cpus:0;zz:{};ports:[]", "{}"),
        ("cpus:1e3;", "cpus:1000"),
        ("", "{}"),
    ] {
        assert_eq!(parse(text), Ok(printed.to_string()), "{text}");
    }
    let default = Resources::parse("cpus:1;mem(*):2", &role("r")).unwrap();
    assert_eq!(default.to_string(), "cpus(reservations: [(STATIC,r)]):1; mem:2");
}

#[test]
fn refuses_the_short_form_in_the_words_of_mesos() {
    for (text, error) in [
        (
            "cpus:inf",
            "Failed to parse resource cpus value inf error Invalid scalar value 'inf':Infinite values not supported",
        ),
        (
            "cpus:nan",
            "Failed to parse resource cpus value nan error Invalid scalar value 'nan':NaN not supported",
        ),
        (
            "cpus:-1",
            "Failed to parse resource cpus value -1 error Invalid scalar value '-1':Negative values not supported",
        ),
        ("cpus: 0.0004", "Invalid scalar resource: value <= 0"),
        ("cpus:abc", "Bad type for resource cpus value abc type TEXT"),
        ("mem:0x10", "Bad type for resource mem value 0x10 type TEXT"),
        ("cpus:1;mem", "Bad value for resources, missing or extra ':' in mem"),
        ("mem:1:2", "Bad value for resources, missing or extra ':' in mem:1:2"),
        (":1", "Bad value for resources, missing or extra ':' in :1"),
        ("cpus(:1", "Bad value for resources, mismatched parentheses in cpus(:1"),
        ("cpus)(:1", "Bad value for resources, mismatched parentheses in cpus)(:1"),
        ("cpus():1", "Role names cannot be the empty string"),
        ("cpus(a/-b):1", "Role component '-b' is invalid because it starts with a dash"),
        ("cpus:[1-2", "Failed to parse resource cpus value [1-2 error Mismatched brackets"),
        (
            "ports:[1-2,3]",
            "Failed to parse resource ports value [1-2,3] error Expecting one or more \"ranges\"",
        ),
        (
            "ports:[a-2]",
            "Failed to parse resource ports value [a-2] error Expecting non-negative integers in 'a'",
        ),
        ("ports:[5-2]", "Invalid ranges resource: begin > end"),
        ("z:{a,a}", "Invalid set resource: duplicated elements"),
        ("z:a{b}", "Failed to parse resource z value a{b} error Unexpected '{' found"),
        ("z:a[1-2]", "Failed to parse resource z value a[1-2] error Unexpected '[' found"),
        ("cpus:1;cpus:[1-2]", "Resources with the same name ('cpus') but different types are not allowed"),
        (r#"{"name":"cpus"}"#, r#"Failed to parse resource {"name" value "cpus"} error Mismatched brackets"#),
    ] {
        assert_eq!(parse(text), Err(error.to_string()), "{text}");
    }
}

#[test]
fn reads_json() {
    let text = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":"2"}},
        {"name":"disk","type":"SCALAR","scalar":{"value":7},"disk":{"source":{"type":"PATH","path":{"root":"/tmp"}}}},
        {"name":"disk","type":"SCALAR","scalar":{"value":9},"disk":{"source":{"type":"RAW","profile":"p"}}},
        {"name":"disk","type":"SCALAR","scalar":{"value":10},
         "disk":{"volume":{"container_path":"p","host_path":"/tmp","mode":"RW"}}},
        {"name":"mem","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"STATIC","role":"b"}]}]"#;
    let printed =
        "cpus:2; mem(reservations: [(STATIC,b)]):1; disk[:/tmp:p:rw]:10; disk[PATH:/tmp]:7; disk[RAW(,,p)]:9";
    let all = Resources::parse(text, &Role::star()).unwrap();
    let mut parts: Vec<String> = all.to_string().split("; ").map(String::from).collect();
    let mut expected: Vec<String> = printed.split("; ").map(String::from).collect();
    parts.sort();
    expected.sort();
    assert_eq!(parts, expected);
}

#[test]
fn refuses_json_in_the_words_of_mesos() {
    let json = "; do not include a";
    let revocable = format!(
        "Revocable resources cannot be specified at the command line{json} 'revocable' key in the resources JSON"
    );
    let dynamic = format!(
        "Dynamic reservations cannot be specified at the command line{json} reservation with DYNAMIC type in the resources JSON"
    );
    for (text, error) in [
        (
            r#"[{"name":"cpus"}]"#,
            "Some JSON resources were not formatted properly: Missing required fields: type",
        ),
        (
            r#"[{"name":"cpus","type":"BAD"}]"#,
            "Some JSON resources were not formatted properly: Failed to find enum for 'BAD'",
        ),
        (r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"revocable":{}}]"#, revocable.as_str()),
        (
            r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"r","reservation":{}}]"#,
            dynamic.as_str(),
        ),
        (
            r#"[{"name":"disk","type":"SCALAR","scalar":{"value":1},"role":"r","disk":{"persistence":{"id":"x"}}}]"#,
            "Persistent volumes cannot be specified at the command line",
        ),
    ] {
        assert_eq!(parse(text), Err(error.to_string()), "{text}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "[a-z():;\\[\\]{}0-9.,*/ -]{0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn printed_amounts_read_back(cpus in 1i64..10_000_000, begin in 0u64..65536, more in 0u64..1000) {
        let cpus = kaon_model::Scalar::from_millis(cpus);
        let text = format!("cpus:{cpus}; ports:[{begin}-{}]", begin + more);
        prop_assert_eq!(parse(&text), Ok(text));
    }
}
