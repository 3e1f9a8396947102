// SPDX-License-Identifier: Apache-2.0

//! Whether an agent that is described otherwise than before may keep its id.

use kaon_api::json::{Dialect, to_json};
use kaon_api::v1;
use kaon_model::{Attribute, AttributeValue, Resource, Resources, Value};

use crate::config::ReconfigurationPolicy;

const RULE: &str = "\n------------------------------------------------------------";
const ADDITIVE: &str = "Configuration change not permitted under 'additive' policy";
/// Mesos: quotes the policy otherwise where it comes to these.
const ADDITIVE_OF_HOST: &str = "Configuration change not permitted under `additive` policy";

/// Why it may not; the texts are those of Mesos.
pub(super) fn check(
    policy: ReconfigurationPolicy,
    before: &v1::AgentInfo,
    now: &v1::AgentInfo,
) -> Result<(), String> {
    match policy {
        ReconfigurationPolicy::Equal => Err(unequal(before, now)),
        ReconfigurationPolicy::Additive => {
            host(before, now)?;
            resources(before, now)?;
            attributes(before, now)
        }
    }
}

/// Whether both describe the same agent, its id aside.
pub(super) fn is_same(before: &v1::AgentInfo, now: &v1::AgentInfo) -> bool {
    let resources = |info: &v1::AgentInfo| Resources::from_wire(&info.resources).ok();
    before.hostname == now.hostname
        && before.port == now.port
        && before.domain == now.domain
        && before.attributes == now.attributes
        && resources(before) == resources(now)
}

/// Mesos: shows both in the text form of protobuf.
fn unequal(before: &v1::AgentInfo, now: &v1::AgentInfo) -> String {
    let show = |info: &v1::AgentInfo| to_json(&v1::AgentInfo { id: None, ..info.clone() }, Dialect::V1);
    let parts = [
        "Incompatible agent info detected. ".to_string(),
        RULE.to_string(),
        format!("Old agent info:\n{}", show(before)),
        RULE.to_string(),
        format!("New agent info:\n{}", show(now)),
        RULE.to_string(),
    ];
    parts.join("\n")
}

fn host(before: &v1::AgentInfo, now: &v1::AgentInfo) -> Result<(), String> {
    if before.hostname != now.hostname {
        return Err(format!(
            "{ADDITIVE_OF_HOST}: Hostname changed from {} to {}",
            before.hostname, now.hostname
        ));
    }
    if before.port != now.port {
        let port = |info: &v1::AgentInfo| info.port.map_or_else(String::new, |port| port.to_string());
        return Err(format!("{ADDITIVE_OF_HOST}: Port changed from {} to {}", port(before), port(now)));
    }
    // One may be added.
    if before.domain.is_some() && before.domain != now.domain {
        let domain = |info: &v1::AgentInfo| {
            info.domain.as_ref().map_or_else(|| "none".to_string(), |domain| to_json(domain, Dialect::V1))
        };
        return Err(format!("{ADDITIVE_OF_HOST}: Domain changed from {} to {}", domain(before), domain(now)));
    }
    Ok(())
}

fn resources(before: &v1::AgentInfo, now: &v1::AgentInfo) -> Result<(), String> {
    let read =
        |info: &v1::AgentInfo| Resources::from_wire(&info.resources).map_err(|error| error.to_string());
    let (before, now) = (read(before)?, read(now)?);
    before.iter().try_for_each(|resource| contained(resource, &now))
}

fn contained(resource: &Resource, now: &Resources) -> Result<(), String> {
    let (name, like) = (&resource.name, now.iter().find(|other| resource.same_identity(other)));
    let Some(like) = like else { return Err(format!("{ADDITIVE}. Resource not found: {resource}")) };
    match (&resource.value, &like.value) {
        (Value::Scalar(old), Value::Scalar(new)) if new < old => {
            Err(format!("{ADDITIVE}: Value of scalar resource '{name}' decreased from {old} to {new}"))
        }
        (Value::Ranges(old), Value::Ranges(new)) if !new.contains(old) => Err(format!(
            "{ADDITIVE}: Previous value of range resource '{name}' ({old}) not included in current {new}"
        )),
        (Value::Set(old), Value::Set(new)) if !new.contains(old) => Err(format!(
            "{ADDITIVE}: Previous value of set resource '{name}' ({old}) not included in current {new}"
        )),
        _ => Ok(()),
    }
}

fn attributes(before: &v1::AgentInfo, now: &v1::AgentInfo) -> Result<(), String> {
    let find = |name: &str| now.attributes.iter().find(|other| other.name == name);
    let read = |wire: &v1::Attribute| Attribute::from_wire(wire).map(|attribute| attribute.value);
    for old in &before.attributes {
        let (name, Some(value)) = (&old.name, read(old)) else { continue };
        let Some(new) = find(name) else {
            return Err(format!("{ADDITIVE}: Couldn't find attribute {name}={value}"));
        };
        match (&value, read(new)) {
            (AttributeValue::Scalar(old), Some(AttributeValue::Scalar(new))) if *old != new => {
                return Err(format!(
                    "{ADDITIVE}: Value of scalar attribute '{name}' changed from {value} to {}",
                    AttributeValue::Scalar(new)
                ));
            }
            (AttributeValue::Ranges(old), Some(AttributeValue::Ranges(new))) if !new.contains(old) => {
                // Mesos: leaves out the policy here.
                return Err(format!(
                    "Previous value of ranges resource '{name}' ({old}) not included in current {new}"
                ));
            }
            (AttributeValue::Text(old), Some(AttributeValue::Text(new))) if *old != new => {
                return Err(format!(
                    "{ADDITIVE}: Value of text attribute '{name}' changed from {old} to {new}"
                ));
            }
            (AttributeValue::Scalar(_), Some(AttributeValue::Scalar(_)))
            | (AttributeValue::Ranges(_), Some(AttributeValue::Ranges(_)))
            | (AttributeValue::Text(_), Some(AttributeValue::Text(_))) => {}
            _ => return Err(type_changed(old, new)),
        }
    }
    Ok(())
}

/// Mesos: names types by number.
fn type_changed(old: &v1::Attribute, new: &v1::Attribute) -> String {
    use kaon_api::wire::Enumeration;
    let (name, old, new) = (&old.name, old.r#type.number(), new.r#type.number());
    format!("{ADDITIVE}: Type of attribute '{name}' changed from {old} to {new}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaon_model::{Attributes, Role, parse_list};

    fn info(resources: &str, attributes: &str) -> v1::AgentInfo {
        v1::AgentInfo {
            hostname: "h".to_string(),
            port: Some(5051),
            resources: parse_list(resources, &Role::star()).expect("resources"),
            attributes: attributes.parse::<Attributes>().expect("attributes").to_wire(),
            ..Default::default()
        }
    }

    fn additive(resources: &str, attributes: &str, expected: &str) {
        let before = info("cpus:4;mem:1024;ports:[31000-32000];kinds:{a,b}", "rack:r1;n:[1-5];w:2.5");
        let result = check(ReconfigurationPolicy::Additive, &before, &info(resources, attributes));
        assert_eq!(result.err().unwrap_or_default(), expected);
    }

    const RESOURCES: &str = "cpus:4;mem:1024;ports:[31000-32000];kinds:{a,b}";
    const ATTRIBUTES: &str = "rack:r1;n:[1-5];w:2.5";

    #[test]
    fn more_is_no_other_agent() {
        let more = "cpus:5;mem:1024;ports:[30000-32000];kinds:{a,b,c};disk:7;cpus(a):3";
        additive(more, "n:[1-6];w:2.5;rack:r1;new:x", "");
    }

    #[test]
    fn less_is_refused_in_the_words_of_mesos() {
        let said = |rest: &str| format!("{ADDITIVE}{rest}");
        for (resources, expected) in [
            (
                "cpus:3;mem:1024;ports:[31000-32000];kinds:{a,b}",
                ": Value of scalar resource 'cpus' decreased from 4 to 3",
            ),
            (
                "cpus:4;mem:1024;ports:[31000-31500];kinds:{a,b}",
                ": Previous value of range resource 'ports' ([31000-32000]) not included in current [31000-31500]",
            ),
            (
                "cpus:4;mem:1024;ports:[31000-32000];kinds:{b,c}",
                ": Previous value of set resource 'kinds' ({a, b}) not included in current {b, c}",
            ),
            ("cpus(a):4;mem:1024;ports:[31000-32000];kinds:{a,b}", ". Resource not found: cpus:4"),
        ] {
            additive(resources, ATTRIBUTES, &said(expected));
        }
        for (attributes, expected) in [
            ("rack:r2;n:[1-5];w:2.5", said(": Value of text attribute 'rack' changed from r1 to r2")),
            ("n:[1-5];w:2.5", said(": Couldn't find attribute rack=r1")),
            (
                "rack:r1;n:[1-4];w:2.5",
                "Previous value of ranges resource 'n' ([1-5]) not included in current [1-4]".to_string(),
            ),
            ("rack:r1;n:[1-5];w:3", said(": Value of scalar attribute 'w' changed from 2.5 to 3")),
            ("rack:1;n:[1-5];w:2.5", said(": Type of attribute 'rack' changed from 3 to 0")),
        ] {
            additive(RESOURCES, attributes, &expected);
        }
    }

    #[test]
    fn a_host_stays_the_same() {
        let before = info(RESOURCES, ATTRIBUTES);
        let check = |change: fn(&mut v1::AgentInfo), expected: &str| {
            let mut now = before.clone();
            change(&mut now);
            let text = check(ReconfigurationPolicy::Additive, &before, &now).err().unwrap_or_default();
            assert_eq!(text, expected);
            assert!(!is_same(&before, &now));
        };
        let changed = |what: &str| format!("{ADDITIVE_OF_HOST}: {what}");
        check(|now| now.hostname = "g".to_string(), &changed("Hostname changed from h to g"));
        check(|now| now.port = Some(1), &changed("Port changed from 5051 to 1"));
        check(|now| now.domain = Some(Default::default()), "");
        assert!(is_same(&before, &v1::AgentInfo { id: Some("x".into()), ..before.clone() }));
    }
}
