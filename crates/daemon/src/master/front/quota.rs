// SPDX-License-Identifier: Apache-2.0

//! The old endpoints by which operators set quota or weights: each is a call of the operator API in another dress.

use hyper::StatusCode;
use kaon_api::json::{Dialect, Json, beginning, from_json, parse};
use kaon_api::v1;
use kaon_api::v1::master::Call;
use kaon_api::v1::master::call::{RemoveQuota, SetQuota, Type, UpdateWeights};
use kaon_master::Caller;

use super::{Front, bad};
use crate::http::negotiate::reading;
use crate::http::route::Route;
use crate::http::{Body, Request, Response};

impl Front {
    /// `/quota`: GET shows, POST sets, `DELETE /quota/<role>` removes.
    pub(super) async fn quota(
        &self,
        route: Route<'_>,
        request: &Request,
        caller: Caller,
    ) -> Result<Response, Response> {
        match request.method.as_str() {
            "GET" => self.show(route, request).await,
            "POST" => {
                let call = Call { r#type: Some(Type::SetQuota), ..Default::default() };
                let set_quota = Some(SetQuota {
                    quota_request: reading(&request.body, quota_request).await?,
                    ..Default::default()
                });
                self.change(Call { set_quota, ..call }, caller).await
            }
            "DELETE" => self.delete_quota(request, caller).await,
            other => Err(Response::method_not_allowed(&["GET", "POST", "DELETE"], other)),
        }
    }

    /// Mesos: the role is all that follows the second segment, as it stands there.
    async fn delete_quota(&self, request: &Request, caller: Caller) -> Result<Response, Response> {
        let path = full_path(request.path());
        let (role, found) = third_token(&path);
        let Some(role) = role else {
            return Err(bad(format!(
                "Failed to parse remove quota request for path '{path}': expected 3 tokens, found {found} tokens"
            )));
        };
        let remove_quota = Some(RemoveQuota { role: role.to_owned(), ..Default::default() });
        let call = Call { r#type: Some(Type::RemoveQuota), remove_quota, ..Default::default() };
        let answer = self.change(call, caller).await;
        answer.map_err(|response| with_path(response, &path))
    }

    /// `/weights`: GET shows, PUT sets.
    pub(super) async fn weights(
        &self,
        route: Route<'_>,
        request: &Request,
        caller: Caller,
    ) -> Result<Response, Response> {
        match request.method.as_str() {
            "GET" => self.show(route, request).await,
            "PUT" => {
                let update = UpdateWeights {
                    weight_infos: reading(&request.body, weight_infos).await?,
                    ..Default::default()
                };
                let call = Call {
                    r#type: Some(Type::UpdateWeights),
                    update_weights: Some(update),
                    ..Default::default()
                };
                self.change(call, caller).await
            }
            other => Err(Response::method_not_allowed(&["GET", "PUT"], other)),
        }
    }
}

fn quota_request(body: &[u8]) -> Result<v1::quota::QuotaRequest, Response> {
    let shown = beginning(body);
    let unread = |error: &str| bad(format!("Failed to parse set quota request JSON '{shown}': {error}"));
    match parse(body).map_err(|error| unread(&error.to_string()))? {
        json @ Json::Object(_) => from_json(&json, Dialect::V0)
            .map_err(|error| bad(format!("Failed to validate set quota request JSON '{shown}': {error}"))),
        _ => Err(unread("Unexpected JSON type parsed")),
    }
}

fn weight_infos(body: &[u8]) -> Result<Vec<v1::WeightInfo>, Response> {
    let shown = beginning(body);
    let unread = |error: &str| bad(format!("Failed to parse update weights request JSON '{shown}': {error}"));
    let Json::Array(infos) = parse(body).map_err(|error| unread(&error.to_string()))? else {
        return Err(unread("Unexpected JSON type parsed"));
    };
    let unlike =
        |error: &str| bad(format!("Failed to convert weights JSON array to protobuf '{shown}': {error}"));
    let one = |json: &Json| match json {
        Json::Object(_) => from_json(json, Dialect::V0).map_err(|error| unlike(&error.to_string())),
        _ => Err(unlike("Expecting a JSON object")),
    };
    infos.iter().map(one).collect()
}

/// Mesos: paths are told with the process that they belong to.
fn full_path(path: &str) -> String {
    if path.trim_start_matches('/').starts_with("master/") {
        path.to_owned()
    } else {
        format!("/master{path}")
    }
}

/// What follows the second segment, and how many segments there are.
fn third_token(path: &str) -> (Option<&str>, usize) {
    let mut rest = path.trim_start_matches('/');
    for found in 0..2 {
        if rest.is_empty() {
            return (None, found);
        }
        rest = rest.split_once('/').map_or("", |(_, rest)| rest).trim_start_matches('/');
    }
    if rest.is_empty() { (None, 2) } else { (Some(rest), 3) }
}

/// Mesos: what is wrong with a removal names the path here, and nothing in a call.
fn with_path(response: Response, path: &str) -> Response {
    let text = match &response.body {
        Body::Bytes(text) if response.status == StatusCode::BAD_REQUEST => {
            String::from_utf8_lossy(text).into_owned()
        }
        _ => return response,
    };
    for kind in ["Failed to remove quota", "Failed to validate remove quota request"] {
        if let Some(rest) = text.strip_prefix(kind) {
            return bad(format!("{kind} for path '{path}'{rest}"));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_all_that_follows() {
        for (path, full, role, found) in [
            ("/quota/h", "/master/quota/h", Some("h"), 3),
            ("/quota/h/", "/master/quota/h/", Some("h/"), 3),
            ("/master/quota/a/b", "/master/quota/a/b", Some("a/b"), 3),
            ("/quota", "/master/quota", None, 2),
            ("/quota/", "/master/quota/", None, 2),
        ] {
            assert_eq!(full_path(path), full);
            assert_eq!(third_token(full), (role, found), "{path}");
        }
    }
}
