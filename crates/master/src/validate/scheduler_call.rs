// SPDX-License-Identifier: Apache-2.0

//! Whether a scheduler's call is well-formed by itself.

use kaon_api::v1;
use kaon_api::v1::scheduler::{Call, call};
use kaon_model::Uuid;

/// Checks a call before it reaches the master. The text follows `Failed to validate scheduler::Call: `.
///
/// What needs the master's state is checked when the call is carried out.
pub fn scheduler_call(call: &Call, principal: Option<&str>) -> Result<(), String> {
    let kind = call.r#type.ok_or_else(|| missing("type"))?;
    if kind == call::Type::Subscribe {
        return subscribe(call, principal);
    }
    let framework_id = call.framework_id.as_ref().ok_or_else(|| missing("framework_id"))?;
    match kind {
        call::Type::Accept => present(&call.accept, "accept"),
        call::Type::Decline => present(&call.decline, "decline"),
        call::Type::AcceptInverseOffers => present(&call.accept_inverse_offers, "accept_inverse_offers"),
        call::Type::DeclineInverseOffers => present(&call.decline_inverse_offers, "decline_inverse_offers"),
        call::Type::Kill => present(&call.kill, "kill"),
        call::Type::Shutdown => present(&call.shutdown, "shutdown"),
        call::Type::Acknowledge => uuid(&need(&call.acknowledge, "acknowledge")?.uuid),
        call::Type::AcknowledgeOperationStatus => {
            let acknowledge = need(&call.acknowledge_operation_status, "acknowledge_operation_status")?;
            uuid(&acknowledge.uuid)?;
            present(&acknowledge.agent_id, "agent_id")
        }
        call::Type::Reconcile => present(&call.reconcile, "reconcile"),
        call::Type::ReconcileOperations => present(&call.reconcile_operations, "reconcile_operations"),
        call::Type::Message => present(&call.message, "message"),
        call::Type::Request => present(&call.request, "request"),
        call::Type::UpdateFramework => update_framework(call, framework_id, principal),
        call::Type::Unknown | call::Type::Subscribe | call::Type::Teardown => Ok(()),
        call::Type::Revive | call::Type::Suppress => Ok(()),
    }
}

fn subscribe(call: &Call, principal: Option<&str>) -> Result<(), String> {
    let info = &need(&call.subscribe, "subscribe")?.framework_info;
    // Mesos: an id that is there but empty is none.
    let id = |id: &Option<v1::FrameworkID>| id.as_ref().map(|id| id.value.clone()).unwrap_or_default();
    if id(&info.id) != id(&call.framework_id) {
        return Err("'framework_id' differs from 'subscribe.framework_info.id'".to_string());
    }
    same_principal(info, principal)
}

fn update_framework(call: &Call, id: &v1::FrameworkID, principal: Option<&str>) -> Result<(), String> {
    let info = &need(&call.update_framework, "update_framework")?.framework_info;
    if info.id.as_ref() != Some(id) {
        return Err("'framework_id' differs from 'update_framework.framework_info.id'".to_string());
    }
    same_principal(info, principal)
}

fn same_principal(info: &v1::FrameworkInfo, principal: Option<&str>) -> Result<(), String> {
    match (principal, &info.principal) {
        (Some(authenticated), Some(claimed)) if authenticated != claimed => Err(format!(
            "Authenticated principal '{authenticated}' does not match principal '{claimed}' set in `FrameworkInfo`"
        )),
        _ => Ok(()),
    }
}

/// Mesos: 16 bytes of no known version are none either.
fn uuid(bytes: &[u8]) -> Result<(), String> {
    let known = Uuid::from_bytes(bytes).is_ok_and(|uuid| (1..=5).contains(&(uuid.as_bytes()[6] >> 4)));
    if known { Ok(()) } else { Err("Not a valid UUID".to_string()) }
}

fn need<'a, T>(member: &'a Option<T>, name: &str) -> Result<&'a T, String> {
    member.as_ref().ok_or_else(|| missing(name))
}

fn present<T>(member: &Option<T>, name: &str) -> Result<(), String> {
    need(member, name).map(drop)
}

fn missing(name: &str) -> String {
    format!("Expecting '{name}' to be present")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, principal: Option<&str>, text: &str) {
        let json = kaon_api::json::parse(json.as_bytes()).unwrap();
        let call: Call = kaon_api::json::from_json(&json, kaon_api::json::Dialect::V1).unwrap();
        assert_eq!(scheduler_call(&call, principal).err().unwrap_or_default(), text);
    }

    #[test]
    fn tells_what_is_missing() {
        let call = |kind: &str| format!(r#"{{"type":"{kind}","framework_id":{{"value":"f"}}}}"#);
        check("{}", None, "Expecting 'type' to be present");
        check(r#"{"type":"SUBSCRIBE"}"#, None, "Expecting 'subscribe' to be present");
        check(r#"{"type":"TEARDOWN"}"#, None, "Expecting 'framework_id' to be present");
        check(r#"{"type":"UNKNOWN"}"#, None, "Expecting 'framework_id' to be present");
        for kind in ["TEARDOWN", "REVIVE", "SUPPRESS", "UNKNOWN"] {
            check(&call(kind), None, "");
        }
        for (kind, member) in [
            ("ACCEPT", "accept"),
            ("DECLINE", "decline"),
            ("KILL", "kill"),
            ("SHUTDOWN", "shutdown"),
            ("ACKNOWLEDGE", "acknowledge"),
            ("RECONCILE", "reconcile"),
            ("MESSAGE", "message"),
            ("REQUEST", "request"),
            ("UPDATE_FRAMEWORK", "update_framework"),
            ("ACCEPT_INVERSE_OFFERS", "accept_inverse_offers"),
            ("DECLINE_INVERSE_OFFERS", "decline_inverse_offers"),
            ("ACKNOWLEDGE_OPERATION_STATUS", "acknowledge_operation_status"),
            ("RECONCILE_OPERATIONS", "reconcile_operations"),
        ] {
            check(&call(kind), None, &format!("Expecting '{member}' to be present"));
        }
    }

    #[test]
    fn compares_ids_and_principals() {
        let id = r#""framework_id":{"value":"f"},"#;
        let info = |more: &str| format!(r#""framework_info":{{"user":"u","name":"n"{more}}}"#);
        let subscribe =
            |id: &str, more: &str| format!(r#"{{{id}"type":"SUBSCRIBE","subscribe":{{{}}}}}"#, info(more));
        check(&subscribe("", ""), Some("p"), "");
        check(&subscribe(id, r#","id":{"value":"f"}"#), None, "");
        check(&subscribe(id, ""), None, "'framework_id' differs from 'subscribe.framework_info.id'");
        check(
            &subscribe("", r#","principal":"q""#),
            Some("p"),
            "Authenticated principal 'p' does not match principal 'q' set in `FrameworkInfo`",
        );
        let acknowledge = r#"{"framework_id":{"value":"f"},"type":"ACKNOWLEDGE",
            "acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAAA"}}"#;
        check(acknowledge, None, "Not a valid UUID");
    }
}
