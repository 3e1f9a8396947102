// SPDX-License-Identifier: Apache-2.0

//! Writes JSON values as YAML.
//!
//! YAML contains JSON, so whatever might be misread as it stands is written as a JSON string.

use serde_json::Value;

/// The value as a block, each line ended.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

/// Writes `value` where a line begins, or goes on after `- `.
fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                pad(index, indent, out);
                out.push_str("- ");
                block(item, indent + 1, out);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (index, (key, item)) in members.iter().enumerate() {
                pad(index, indent, out);
                out.push_str(&scalar_text(key));
                out.push(':');
                if is_block(item) {
                    out.push('\n');
                    out.push_str(&"  ".repeat(indent + 1));
                    block(item, indent + 1, out);
                } else {
                    out.push(' ');
                    block(item, indent, out);
                }
            }
        }
        Value::String(text) => {
            out.push_str(&scalar_text(text));
            out.push('\n');
        }
        // Numbers, booleans, null and what is empty look the same in both.
        other => {
            out.push_str(&other.to_string());
            out.push('\n');
        }
    }
}

/// The first line of a block stands where the caller has put it.
fn pad(index: usize, indent: usize, out: &mut String) {
    if index > 0 {
        out.push_str(&"  ".repeat(indent));
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    }
}

/// Plain where it cannot be taken for anything else.
fn scalar_text(text: &str) -> String {
    let plain_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./@".contains(&byte);
    let starts_plain = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let keywords = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_keyword = keywords.iter().any(|keyword| text.eq_ignore_ascii_case(keyword));
    if starts_plain && !is_keyword && text.bytes().all(plain_byte) {
        return text.to_owned();
    }
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_can_be_misread() {
        let value = json!([
            { "id": "a-S0", "cpus": 1.5, "on": true, "empty": [], "none": null },
            { "name": "no", "odd": "a: b\n", "digits": "007", "list": ["x", ["z"], { "k": "v" }], "map": { "a": {} } }
        ]);
        let expected = "\
- id: a-S0
  cpus: 1.5
  \"on\": true
  empty: []
  none: null
- name: \"no\"
  odd: \"a: b\\n\"
  digits: \"007\"
  list:
    - x
    - - z
    - k: v
  map:
    a: {}
";
        assert_eq!(to_yaml(&value), expected);
        assert_eq!(to_yaml(&json!([])), "[]\n");
        assert_eq!(to_yaml(&json!("")), "\"\"\n");
    }
}
