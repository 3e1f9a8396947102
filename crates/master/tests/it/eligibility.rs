// SPDX-License-Identifier: Apache-2.0

//! Who is offered an agent at all, and for how long a refusal stands: row by row, as a framework meets it.

use crate::scene::Stage;

/// Whether anything is offered by the last line of a script.
fn offers(script: &str) -> bool {
    let mut stage = Stage::new();
    let last = script.trim().lines().map(|line| stage.play(line.trim())).last().unwrap_or_default();
    last.contains("\"OFFERS\"")
}

fn subscribe(roles: &str, capabilities: &str, more: &str) -> String {
    let capability = |name: &str| format!(r#"{{"type":"{name}"}}"#);
    let capabilities: Vec<String> = capabilities.split_whitespace().map(capability).collect();
    let roles: Vec<String> = roles.split_whitespace().map(|role| format!("\"{role}\"")).collect();
    format!(
        r#"subscribe 1 {{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"u","name":"n","roles":[{}],"capabilities":[{{"type":"MULTI_ROLE"}},{}]{more}}}}}}}"#,
        roles.join(","),
        capabilities.join(",")
    )
    .replace(",]", "]")
}

/// An agent with all capabilities but those left out, and more members.
fn register(without: &str, resources: &str, more: &str) -> String {
    let all = ["MULTI_ROLE", "HIERARCHICAL_ROLE", "RESERVATION_REFINEMENT"];
    let own = all.iter().filter(|name| **name != without);
    let own: Vec<String> = own.map(|name| format!(r#"{{"type":"{name}"}}"#)).collect();
    format!(
        r#"message slave(1)@10.0.0.1:5051 master RegisterAgent {{"agent":{{"hostname":"h"{more},"resources":[{resources}]}},"version":"1.11.0","agent_capabilities":[{}]}}"#,
        own.join(",")
    )
}

fn scalar(name: &str, amount: &str, more: &str) -> String {
    format!(r#"{{"name":"{name}","type":"SCALAR","scalar":{{"value":{amount}}}{more}}}"#)
}

#[test]
fn each_row_of_what_an_agent_must_offer_a_framework() {
    let cpus = scalar("cpus", "1", "");
    let shared = scalar(
        "disk",
        "5",
        r#","reservations":[{"type":"DYNAMIC","role":"a","principal":"p"}],"disk":{"persistence":{"id":"v"},"volume":{"container_path":"v","mode":"RW"}},"shared":{}"#,
    );
    let refined = scalar(
        "cpus",
        "5",
        r#","reservations":[{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"a/b","principal":"p"}]"#,
    );
    let region = |name: &str| {
        format!(r#","domain":{{"fault_domain":{{"region":{{"name":"{name}"}},"zone":{{"name":"z"}}}}}}"#)
    };
    let own = r#","offer_filters":{"a":{"min_allocatable_resources":{"quantities":[{"quantities":{"disk":{"value":10}}}]}}}"#;
    let any = r#","offer_filters":{"a":{"min_allocatable_resources":{"quantities":[]}}}"#;
    let rows = [
        (
            "the least of cpus",
            "",
            subscribe("a", "", ""),
            register("", &scalar("cpus", "0.01", ""), ""),
            true,
        ),
        ("less", "", subscribe("a", "", ""), register("", &scalar("cpus", "0.009", ""), ""), false),
        ("the least of mem", "", subscribe("a", "", ""), register("", &scalar("mem", "32", ""), ""), true),
        (
            "other resources alone",
            "",
            subscribe("a", "", ""),
            register("", &scalar("disk", "99", ""), ""),
            false,
        ),
        (
            "a framework's own minimum",
            "",
            subscribe("a", "", own),
            register("", &scalar("disk", "10", ""), ""),
            true,
        ),
        ("less than its own minimum", "", subscribe("a", "", own), register("", &cpus, ""), false),
        ("any minimum", "", subscribe("a", "", any), register("", &scalar("disk", "1", ""), ""), true),
        ("an agent without MULTI_ROLE", "", subscribe("a", "", ""), register("MULTI_ROLE", &cpus, ""), false),
        (
            "an agent without HIERARCHICAL_ROLE",
            "",
            subscribe("a/b", "", ""),
            register("HIERARCHICAL_ROLE", &cpus, ""),
            false,
        ),
        (
            "the same for a role at the top",
            "",
            subscribe("a", "", ""),
            register("HIERARCHICAL_ROLE", &cpus, ""),
            true,
        ),
        (
            "gpus, not known",
            "",
            subscribe("a", "", ""),
            register("", &format!("{cpus},{}", scalar("gpus", "1", "")), ""),
            false,
        ),
        (
            "gpus, known",
            "",
            subscribe("a", "GPU_RESOURCES", ""),
            register("", &format!("{cpus},{}", scalar("gpus", "1", "")), ""),
            true,
        ),
        (
            "gpus, not filtered",
            "filter_gpu_resources false",
            subscribe("a", "", ""),
            register("", &format!("{cpus},{}", scalar("gpus", "1", "")), ""),
            true,
        ),
        (
            "another region, not known",
            "domain r1",
            subscribe("a", "", ""),
            register("", &cpus, &region("r2")),
            false,
        ),
        (
            "another region, known",
            "domain r1",
            subscribe("a", "REGION_AWARE", ""),
            register("", &cpus, &region("r2")),
            true,
        ),
        ("the same region", "domain r1", subscribe("a", "", ""), register("", &cpus, &region("r1")), true),
        ("no region", "domain r1", subscribe("a", "", ""), register("", &cpus, ""), true),
        (
            "a region here where there is none",
            "",
            subscribe("a", "REGION_AWARE", ""),
            register("", &cpus, &region("r1")),
            false,
        ),
        (
            "no region where there must be",
            "require_agent_domain true",
            subscribe("a", "", ""),
            register("", &cpus, ""),
            false,
        ),
        (
            "shared, not known",
            "",
            subscribe("a", "RESERVATION_REFINEMENT", any),
            register("", &shared, r#","checkpoint":true"#),
            false,
        ),
        (
            "shared, known",
            "",
            subscribe("a", "RESERVATION_REFINEMENT SHARED_RESOURCES", any),
            register("", &shared, r#","checkpoint":true"#),
            true,
        ),
        ("refined, not known", "", subscribe("a/b", "", ""), register("", &refined, ""), false),
        (
            "refined, known",
            "",
            subscribe("a/b", "RESERVATION_REFINEMENT", ""),
            register("", &refined, ""),
            true,
        ),
    ];
    for (row, set, subscribe, register, expected) in rows {
        let set = if set.is_empty() { String::new() } else { format!("set {set}\n") };
        assert_eq!(offers(&format!("{set}{subscribe}\n{register}\nafter 3secs")), expected, "{row}");
    }
}

#[test]
fn constraints_decide_which_agents_are_offered() {
    let constrained = |predicate: &str| {
        subscribe("a", "", "").replace(
            "}}}",
            &format!(r#"}},"offer_constraints":{{"role_constraints":{{"a":{{"groups":[{{"attribute_constraints":[{{"selector":{{"pseudoattribute_type":"HOSTNAME"}},"predicate":{predicate}}}]}}]}}}}}}}}}}"#),
        )
    };
    for (predicate, expected) in [
        (r#"{"text_equals":{"value":"h"}}"#, true),
        (r#"{"text_equals":{"value":"x"}}"#, false),
        (r#"{"text_matches":{"regex":"[gh]"}}"#, true),
        (r#"{"text_matches":{"regex":"[xy]h"}}"#, false),
    ] {
        let script = format!(
            "{}\n{}\nafter 3secs",
            constrained(predicate),
            register("", &scalar("cpus", "1", ""), "")
        );
        assert_eq!(offers(&script), expected, "{predicate}");
    }
    let mut stage = Stage::new();
    let refused = stage.play(&constrained(r#"{"text_matches":{"regex":"h("}}"#));
    assert!(refused.contains("A role a has an invalid 'AttributeConstraint': Failed to"), "{refused}");
}

/// A framework that was offered an agent.
fn offered() -> String {
    format!("{}\njoin 1 cpus:2;mem:512\nafter 20ms", subscribe("a", "", ""))
}

fn decline(filters: &str) -> String {
    format!(
        r#"call 1 {{"type":"DECLINE","framework_id":{{"value":"$F1"}},"decline":{{"offer_ids":[{{"value":"$O"}}]{filters}}}}}"#
    )
}

fn refuse(seconds: &str) -> String {
    decline(&format!(r#","filters":{{"refuse_seconds":{seconds}}}"#))
}

fn call(kind: &str, member: &str) -> String {
    format!(r#"call 1 {{"type":"{kind}","framework_id":{{"value":"$F1"}}{member}}}"#)
}

/// What is said of a refusal, for how long nothing is offered, and that it is then.
#[test]
fn each_row_of_how_long_a_refusal_stands() {
    for (row, filters, silent, then) in [
        ("unsaid", String::new(), "4secs", "2secs"),
        ("twenty seconds", r#","filters":{"refuse_seconds":20}"#.to_string(), "19secs", "2secs"),
        ("negative: the default", r#","filters":{"refuse_seconds":-1}"#.to_string(), "4secs", "2secs"),
        (
            "beyond a year: not for ever, and not at once",
            r#","filters":{"refuse_seconds":1e15}"#.to_string(),
            "10mins",
            "",
        ),
        ("less than an interval: one", r#","filters":{"refuse_seconds":0.1}"#.to_string(), "900ms", "1secs"),
    ] {
        let script = format!("{}\n{}\nafter {silent}", offered(), decline(&filters));
        assert!(!offers(&script), "{row}: too early");
        // A year of heartbeats is not played.
        assert!(then.is_empty() || offers(&format!("{script}\nafter {then}")), "{row}: never again");
    }
    assert!(offers(&format!("{}\n{}\nafter 1secs", offered(), refuse("0"))), "zero is none");
}

#[test]
fn each_row_of_what_ends_a_refusal() {
    let refused = format!("{}\n{}", offered(), refuse("1000"));
    let other = subscribe("a", "", "").replace("subscribe 1", "subscribe 2");
    let unused = r#"call 1 {"type":"ACCEPT","framework_id":{"value":"$F1"},"accept":{"offer_ids":[{"value":"$O"}],"operations":[],"filters":{"refuse_seconds":1000}}}"#;
    let rows = [
        ("nothing", refused.clone(), false),
        ("what is left of an accepted offer is refused", format!("{}\n{unused}", offered()), false),
        (
            "REVIVE for the role",
            format!("{refused}\n{}", call("REVIVE", r#","revive":{"roles":["a"]}"#)),
            true,
        ),
        ("REVIVE for all roles", format!("{refused}\n{}", call("REVIVE", "")), true),
        (
            "REVIVE for a role that it is not in",
            format!("{refused}\n{}", call("REVIVE", r#","revive":{"roles":["a","b"]}"#)),
            false,
        ),
        (
            "REVIVE for what is no role",
            format!("{refused}\n{}", call("REVIVE", r#","revive":{"roles":["a","/"]}"#)),
            false,
        ),
        ("SUPPRESS", format!("{refused}\n{}", call("SUPPRESS", "")), false),
        (
            "a framework that goes and comes back",
            format!(
                "{refused}\nclose 1\n{}",
                subscribe("a", "", "")
                    .replace(r#""subscribe":{"#, r#""framework_id":{"value":"$F1"},"subscribe":{"#)
                    .replace(r#""name":"n""#, r#""name":"n","id":{"value":"$F1"}"#)
            ),
            true,
        ),
        (
            "an agent that goes; another comes",
            format!(
                "{refused}\nmessage slave(1)@10.0.0.1:5051 master UnregisterAgent {{\"agent_id\":{{\"value\":\"$A1\"}}}}\njoin 1 cpus:2;mem:512"
            ),
            true,
        ),
        ("another framework does not care", format!("{refused}\n{other}"), true),
        (
            "an agent that comes back with more",
            format!("{refused}\nexited 10.0.0.1:5051\nreturn 1 cpus:3;mem:512 {{}}"),
            true,
        ),
        (
            "an agent that comes back as it was",
            format!("{refused}\nexited 10.0.0.1:5051\nreturn 1 cpus:2;mem:512 {{}}"),
            false,
        ),
    ];
    for (row, script, expected) in rows {
        assert_eq!(offers(&format!("{script}\nafter 2secs")), expected, "{row}");
    }
    let timed_out = format!("set offer_timeout 3secs\n{}\nafter 3100ms", offered());
    assert!(offers(&format!("{timed_out}\nafter 2secs")), "an offer that was not answered is no refusal");
}
