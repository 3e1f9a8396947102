// SPDX-License-Identifier: Apache-2.0

//! What counts as the same, and what does not.

use serde_json::json;

use super::*;

fn paths(recorded: Value, found: Value) -> Vec<String> {
    let mut comparison = Comparison::default();
    comparison.json(&recorded, &found);
    comparison.differences.iter().map(ToString::to_string).collect()
}

#[test]
fn keys_types_and_contents_count() {
    assert!(paths(json!({"a": 1, "b": [true]}), json!({"b": [true], "a": 1})).is_empty());
    assert_eq!(paths(json!({"a": 1.0}), json!({"a": 1})), ["$.a: recorded 1.0, found 1"]);
    assert_eq!(paths(json!({"a": "x"}), json!({"a": "y"})), ["$.a: recorded \"x\", found \"y\""]);
    assert_eq!(
        paths(json!({"a": {"b": null}}), json!({"a": {"c": 1}})),
        ["$.a.b: missing, recorded null", "$.a.c: not recorded, found 1"]
    );
}

#[test]
fn lists_may_be_in_another_order_but_for_the_steps_of_a_task() {
    assert!(paths(json!([{"a": 1}, {"a": 2}]), json!([{"a": 2}, {"a": 1}])).is_empty());
    assert_eq!(paths(json!({"statuses": ["a", "b"]}), json!({"statuses": ["b", "a"]})).len(), 2);
    let recorded = json!([{"a": 1, "b": 1}, {"a": 2, "b": 2}]);
    assert_eq!(paths(recorded, json!([{"a": 2, "b": 3}, {"a": 1, "b": 1}])), ["$[1].b: recorded 2, found 3"]);
    assert_eq!(
        paths(json!(["a", "b"]), json!(["b", "c"])),
        ["$[0]: missing, recorded \"a\"", "$[2]: not recorded, found \"c\""]
    );
}

#[test]
fn times_and_ids_may_be_others_of_their_kind() {
    assert!(paths(json!({"start_time": 1.6e9}), json!({"start_time": 1.7e9})).is_empty());
    assert_eq!(paths(json!({"start_time": 1.6e9}), json!({"start_time": 0.0})).len(), 1);
    assert_eq!(paths(json!({"start_time": 1.6e9}), json!({"start_time": 1_700_000_000})).len(), 1);
    assert!(paths(json!([{"uuid": "a"}, {"uuid": "a"}]), json!([{"uuid": "b"}, {"uuid": "b"}])).is_empty());
    assert_eq!(paths(json!([{"uuid": "a"}, {"uuid": "a"}]), json!([{"uuid": "b"}, {"uuid": "c"}])).len(), 1);
    assert_eq!(paths(json!({"port": 1}), json!({"port": 2})).len(), 1, "nobody listens there");
}

#[test]
fn flags_of_the_place_do_not_count() {
    let recorded = json!({"flags": {"port": "5050", "quiet": "false", "strict": "true"}});
    assert!(
        paths(recorded.clone(), json!({"flags": {"port": "1", "ip": "::", "strict": "true"}})).is_empty()
    );
    assert_eq!(
        paths(recorded, json!({"flags": {"strict": "false", "ours": "1"}})),
        ["$.flags.strict: recorded \"true\", found \"false\"", "$.flags.ours: not recorded, found \"1\""]
    );
    let list = |value: &str| json!({"get_flags": {"flags": [{"name": "strict", "value": value}]}});
    assert_eq!(paths(list("true"), list("false")).len(), 1);
}
