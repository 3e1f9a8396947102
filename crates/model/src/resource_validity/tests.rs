// SPDX-License-Identifier: Apache-2.0

//! Malformed resources beside the words that Mesos has for them.

use super::*;
use kaon_api::json::{Dialect, from_json, parse};

fn resource(json: &str) -> v1::Resource {
    from_json(&parse(json.as_bytes()).unwrap(), Dialect::V1).unwrap()
}

fn cpus(more: &str) -> v1::Resource {
    resource(&format!(r#"{{"name":"cpus","type":"SCALAR","scalar":{{"value":1}}{more}}}"#))
}

fn disk(more: &str) -> v1::Resource {
    resource(&format!(r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":5}}{more}}}"#))
}

fn check(resource: v1::Resource, text: &str) {
    assert_eq!(
        validate(&resource).map_err(|problem| problem.to_string()),
        Err(text.to_string()),
        "{resource:?}"
    );
}

#[test]
fn values() {
    let scalar = |value| resource(&format!(r#"{{"name":"x","type":"SCALAR","scalar":{{"value":{value}}}}}"#));
    for value in ["-1", "0.0004", "-0.0004"] {
        check(scalar(value), "Invalid scalar resource: value <= 0");
    }
    check(scalar("\"Infinity\""), "Invalid scalar resource: value is not finite");
    assert_eq!(validate(&scalar("0")), Ok(()));
    check(resource(r#"{"name":"","type":"SCALAR","scalar":{"value":1}}"#), "Empty resource name");
    check(resource(r#"{"name":"x","type":"SCALAR","ranges":{}}"#), "Invalid scalar resource");
    check(resource(r#"{"name":"x","type":"SET","ranges":{}}"#), "Invalid set resource");
    check(resource(r#"{"name":"x","type":"TEXT"}"#), "Unsupported resource type");
    let ranges = |pairs: &[(u64, u64)]| {
        let range = |(begin, end): &(u64, u64)| format!(r#"{{"begin":{begin},"end":{end}}}"#);
        let list = pairs.iter().map(range).collect::<Vec<_>>().join(",");
        resource(&format!(r#"{{"name":"ports","type":"RANGES","ranges":{{"range":[{list}]}}}}"#))
    };
    check(ranges(&[(5, 2)]), "Invalid ranges resource: begin > end");
    check(ranges(&[(1, 5), (5, 7)]), "Invalid ranges resource: overlapping ranges");
    check(ranges(&[(1, 5), (0, 7)]), "Invalid ranges resource: overlapping ranges");
    assert_eq!(validate(&ranges(&[(6, 7), (1, 5)])), Ok(()));
    let set = r#"{"name":"x","type":"SET","set":{"item":["a","b","a"]}}"#;
    check(resource(set), "Invalid set resource: duplicated elements");
}

#[test]
fn disks() {
    check(cpus(r#","disk":{}"#), "DiskInfo should not be set for cpus resource");
    check(
        disk(r#","disk":{"source":{"type":"BLOCK","mount":{}}}"#),
        "Mount should not be set for BLOCK disk source",
    );
    check(
        disk(r#","disk":{"source":{"type":"RAW","path":{}}}"#),
        "Path should not be set for RAW disk source",
    );
    check(
        disk(r#","disk":{"source":{"type":"UNKNOWN"}}"#),
        "Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'",
    );
    check(cpus(r#","shared":{}"#), "Resource cpus cannot be shared");
    check(disk(r#","shared":{}"#), "Only persistent volumes can be shared");
    assert_eq!(validate(&disk(r#","shared":{},"disk":{"persistence":{"id":"v"}}"#)), Ok(()));
}

#[test]
fn reservations_in_the_old_form() {
    check(cpus(r#","role":"/a""#), "Role '/a' cannot start with a slash");
    let message = "must not be set for the 'Resource.reservation' field";
    let typed = cpus(r#","role":"a","reservation":{"type":"DYNAMIC"}"#);
    check(typed, &format!("'Resource.ReservationInfo.type' {message}"));
    let with_role = cpus(r#","role":"a","reservation":{"role":"a"}"#);
    check(with_role, &format!("'Resource.ReservationInfo.role' {message}"));
    check(cpus(r#","reservation":{}"#), "Invalid reservation: role \"*\" cannot be dynamically reserved");
    assert_eq!(validate(&cpus(r#","role":"a","reservation":{"principal":"p"}"#)), Ok(()));
}

#[test]
fn reservations_in_a_stack() {
    let stack = |entries: &str| cpus(&format!(r#","reservations":[{entries}]"#));
    let missing =
        |field| format!("Invalid reservation: 'Resource.ReservationInfo.{field}' field must be set.");
    check(stack(r#"{"role":"a"}"#), &missing("type"));
    check(stack(r#"{"type":"STATIC"}"#), &missing("role"));
    check(stack(r#"{"type":"STATIC","role":"*"}"#), "Invalid reservation: role \"*\" cannot be reserved");
    check(stack(r#"{"type":"UNKNOWN","role":"a"}"#), "Unsupported 'Resource.ReservationInfo.Type'");
    let fixed = r#"{"type":"STATIC","role":"a"},{"type":"STATIC","role":"a/b"}"#;
    check(stack(fixed), "Invalid refined reservation: A refined reservation cannot be STATIC");
    let sideways = r#"{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"ab"}"#;
    check(stack(sideways), "Invalid refined reservation: role 'ab' is not a refinement of 'a'");
    let refined = r#"{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"a/b"}"#;
    assert_eq!(validate(&stack(refined)), Ok(()));
}

#[test]
fn both_forms_at_once_must_agree() {
    let dynamic = r#""reservations":[{"type":"DYNAMIC","role":"a","principal":"p"}]"#;
    let fixed = r#""reservations":[{"type":"STATIC","role":"a"}]"#;
    let in_stack = "in 'Resource.reservations'";
    check(
        cpus(&format!(r#","role":"b",{fixed}"#)),
        &format!(
            "Invalid resource format: 'Resource.role' field with 'b' does not match the role 'a' {in_stack}"
        ),
    );
    check(
        cpus(&format!(r#","role":"a","reservation":{{}},{fixed}"#)),
        &format!(
            "Invalid resource format: 'Resource.reservation' must not be set if the single reservation {in_stack} is STATIC"
        ),
    );
    check(
        cpus(&format!(r#","role":"a","reservation":{{"principal":"q"}},{dynamic}"#)),
        &format!(
            "Invalid resource format: 'Resource.reservation.principal' field with 'q' does not match the principal 'p' {in_stack}"
        ),
    );
    assert!(validate(&cpus(&format!(r#","role":"a",{dynamic}"#))).is_err());
    assert_eq!(
        validate(&cpus(&format!(r#","role":"a","reservation":{{"principal":"p"}},{dynamic}"#))),
        Ok(())
    );
    let refined =
        r#","role":"a","reservations":[{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"a/b"}]"#;
    check(
        cpus(refined),
        &format!(
            "Invalid resource format: 'Resource.role' must not be set if there is more than one reservation {in_stack}"
        ),
    );
}

#[test]
fn a_list_names_its_bad_member() {
    let bad = cpus(
        r#","allocation_info":{"role":"r"},"reservations":[{"role":"a","principal":"p"}],"revocable":{}"#,
    );
    let error = validate_all(&[cpus(""), bad]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Resource 'cpus(allocated: r)(reservations: [(UNKNOWN,a,p)]){REV}:1' is invalid: \
         Invalid reservation: 'Resource.ReservationInfo.type' field must be set."
    );
}
