// SPDX-License-Identifier: Apache-2.0

//! What the capabilities of a framework change in the offers that it gets.

use kaon_api::json::{Json, parse};

use crate::scene::Stage;

fn text(json: Option<&Json>) -> Option<String> {
    match json {
        Some(Json::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// A resource in short: how it is reserved, and to whom it is charged.
fn resource(json: &Json) -> String {
    let mut out = text(json.get("name")).unwrap();
    if let Some(role) = text(json.get("role")) {
        out.push_str(&format!(" role={role}"));
    }
    if let Some(Json::Array(stack)) = json.get("reservations") {
        let roles: Vec<String> = stack.iter().filter_map(|entry| text(entry.get("role"))).collect();
        out.push_str(&format!(" reservations={}", roles.join(",")));
    }
    if let Some(charged) = json.get("allocation_info") {
        out.push_str(&format!(" charged={}", text(charged.get("role")).unwrap()));
    }
    out
}

/// The offers of an agent with `cpus(r):2;cpus:1;mem:64`, and gpus if wanted.
fn offers(framework: &str, gpus: bool) -> Vec<String> {
    let mut stage = Stage::new();
    stage.play(if gpus { "join 1 cpus(r):2;cpus:1;mem:64;gpus:1" } else { "join 1 cpus(r):2;cpus:1;mem:64" });
    let subscribe = format!(
        r#"{{"type":"SUBSCRIBE","subscribe":{{"framework_info":{{"user":"u","name":"n",{framework}}}}}}}"#
    );
    stage.play(&format!("subscribe 1 {subscribe}"));
    let effects = stage.play("after 1secs");
    let mut out = Vec::new();
    for event in effects.lines().filter_map(|line| line.strip_prefix("stream 1 <- ")) {
        let event = parse(event.as_bytes()).unwrap();
        let Some(Json::Array(all)) = event.get("offers").and_then(|offers| offers.get("offers")) else {
            continue;
        };
        for offer in all {
            let Some(Json::Array(resources)) = offer.get("resources") else { panic!("{offer:?}") };
            let charged = offer.get("allocation_info").and_then(|info| text(info.get("role")));
            let mut words: Vec<String> = resources.iter().map(resource).collect();
            words.sort();
            out.push(format!("{}: {}", charged.unwrap_or_else(|| "-".to_string()), words.join("; ")));
        }
    }
    out
}

#[test]
fn capabilities_shape_offers() {
    let capabilities = |names: &[&str]| {
        let all: Vec<String> = names.iter().map(|name| format!(r#"{{"type":"{name}"}}"#)).collect();
        format!(r#""capabilities":[{}]"#, all.join(","))
    };
    let plain = offers(r#""role":"*""#, false);
    assert_eq!(plain, ["-: cpus role=*; mem role=*"], "the old format, charged to nobody");
    let reserved = offers(r#""role":"r""#, false);
    assert_eq!(reserved, ["-: cpus role=*; cpus role=r; mem role=*"]);
    let refined = offers(&format!(r#""role":"r",{}"#, capabilities(&["RESERVATION_REFINEMENT"])), false);
    assert_eq!(refined, ["-: cpus; cpus reservations=r; mem"], "the stack of reservations");
    let several = offers(&format!(r#""roles":["r"],{}"#, capabilities(&["MULTI_ROLE"])), false);
    assert_eq!(several, ["r: cpus role=* charged=r; cpus role=r charged=r; mem role=* charged=r"]);
    let none = offers(&format!(r#""roles":[],{}"#, capabilities(&["MULTI_ROLE"])), false);
    assert_eq!(none, [""; 0], "without a role there is no offer");
    assert_eq!(offers(r#""role":"r""#, true), [""; 0], "an agent with gpus is for those who know of them");
    let gpus = offers(&format!(r#""role":"*",{}"#, capabilities(&["GPU_RESOURCES"])), true);
    assert_eq!(gpus, ["-: cpus role=*; gpus role=*; mem role=*"]);
}
