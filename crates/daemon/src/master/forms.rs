// SPDX-License-Identifier: Apache-2.0

//! The un-versioned endpoints to which operators send forms of HTML.

use kaon_api::json::{Dialect, Json, from_json, parse};
use kaon_api::v1;
use kaon_api::v1::master::call::{
    CreateVolumes, DestroyVolumes, ReserveResources, Teardown, Type, UnreserveResources,
};

use crate::http::Query;

/// The call that the form of `/teardown` stands for.
pub(super) fn teardown(body: &[u8]) -> Result<v1::master::Call, String> {
    let form = form(body)?;
    let id = form.get("frameworkId").ok_or("Missing 'frameworkId' query parameter in the request body")?;
    let teardown = Some(Teardown { framework_id: id.into(), ..Default::default() });
    Ok(v1::master::Call { r#type: Some(Type::Teardown), teardown, ..Default::default() })
}

fn form(body: &[u8]) -> Result<Query, String> {
    let form = std::str::from_utf8(body).ok().and_then(Query::parse);
    form.ok_or_else(|| "Unable to decode query string".to_owned())
}

/// The call that the form of `/reserve`, `/unreserve`, `/create-volumes` or `/destroy-volumes` stands for.
pub(super) fn operation(endpoint: &str, body: &[u8]) -> Result<v1::master::Call, String> {
    let form = form(body)?;
    let agent = form.get("slaveId").ok_or("Missing 'slaveId' query parameter in the request body")?;
    let agent_id = v1::AgentID::from(agent);
    let of = |kind| v1::master::Call { r#type: Some(kind), ..Default::default() };
    Ok(match endpoint {
        "reserve" => {
            // Mesos: with just this difference in the words.
            let verb = "Error parsing";
            let resources = list(&form, "resources", verb)?;
            let source = match form.get("source") {
                Some(_) => list(&form, "source", verb)?,
                None => Vec::new(),
            };
            let call = ReserveResources { agent_id, source, resources, ..Default::default() };
            v1::master::Call { reserve_resources: Some(call), ..of(Type::ReserveResources) }
        }
        "unreserve" => {
            let resources = list(&form, "resources", "Error in parsing")?;
            let call = UnreserveResources { agent_id, resources, ..Default::default() };
            v1::master::Call { unreserve_resources: Some(call), ..of(Type::UnreserveResources) }
        }
        "create-volumes" => {
            let volumes = list(&form, "volumes", "Error in parsing")?;
            let call = CreateVolumes { agent_id, volumes, ..Default::default() };
            v1::master::Call { create_volumes: Some(call), ..of(Type::CreateVolumes) }
        }
        _ => {
            let volumes = list(&form, "volumes", "Error in parsing")?;
            let call = DestroyVolumes { agent_id, volumes, ..Default::default() };
            v1::master::Call { destroy_volumes: Some(call), ..of(Type::DestroyVolumes) }
        }
    })
}

/// The resources that a field of the form holds, as a JSON array.
fn list(form: &Query, key: &str, verb: &str) -> Result<Vec<v1::Resource>, String> {
    let text = form.get(key).ok_or(format!("Missing '{key}' query parameter in the request body"))?;
    let wrong = |error: String| format!("{verb} '{key}' query parameter in the request body: {error}");
    match parse(text.as_bytes()) {
        Ok(Json::Array(items)) => {
            let one = |item| from_json(item, Dialect::V0).map_err(|error| wrong(error.to_string()));
            items.iter().map(one).collect()
        }
        Ok(_) => Err(wrong("it is not an array".to_string())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(endpoint: &str, body: &str) -> String {
        operation(endpoint, body.as_bytes()).err().unwrap_or_default()
    }

    #[test]
    fn forms_are_calls() {
        let cpus = "%5B%7B%22name%22%3A%22cpus%22%2C%22type%22%3A%22SCALAR%22%2C%22scalar%22%3A%7B%22value%22%3A1%7D%7D%5D";
        let call = operation("reserve", format!("slaveId=a&resources={cpus}").as_bytes()).unwrap();
        let reserve = call.reserve_resources.unwrap();
        assert_eq!((reserve.agent_id.value.as_str(), reserve.resources[0].name.as_str()), ("a", "cpus"));
        assert!(reserve.source.is_empty());
        let call = operation("destroy-volumes", b"slaveId=a&volumes=%5B%5D").unwrap();
        assert_eq!(call.r#type, Some(Type::DestroyVolumes));
    }

    #[test]
    fn what_is_missing_or_no_list_is_named() {
        for (endpoint, body, text) in [
            ("reserve", "", "Missing 'slaveId' query parameter in the request body"),
            ("reserve", "slaveId=a", "Missing 'resources' query parameter in the request body"),
            ("create-volumes", "slaveId=a", "Missing 'volumes' query parameter in the request body"),
            ("unreserve", "slaveId=%zz", "Unable to decode query string"),
        ] {
            assert_eq!(refusal(endpoint, body), text);
        }
        let broken = "slaveId=a&resources=%7B%7D&volumes=x";
        let named = "'resources' query parameter in the request body: ";
        assert!(refusal("reserve", broken).starts_with(&format!("Error parsing {named}")));
        assert!(refusal("unreserve", broken).starts_with(&format!("Error in parsing {named}")));
        assert!(refusal("destroy-volumes", broken).starts_with("Error in parsing 'volumes' query parameter"));
    }
}
