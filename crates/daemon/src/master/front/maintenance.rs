// SPDX-License-Identifier: Apache-2.0

//! The old endpoints by which operators plan for machines: each is a call of the operator API in another dress.

use kaon_api::internal::KaonSchedule;
use kaon_api::json::{Dialect, Json, from_json, parse};
use kaon_api::v1;
use kaon_api::v1::maintenance::Schedule;
use kaon_api::v1::master::Call;
use kaon_api::v1::master::call::{StartMaintenance, StopMaintenance, Type, UpdateMaintenanceSchedule};
use kaon_api::wire::Message;
use kaon_master::{Caller, Input, Ticket};

use super::{Front, answer, bad};
use crate::front::is_post;
use crate::http::negotiate::reading;
use crate::http::route::Route;
use crate::http::{Request, Response};

impl Front {
    /// `/maintenance/schedule`, and our own, which says what is enforced too: GET shows, POST sets;
    /// `/maintenance/status`: GET shows.
    pub(super) async fn maintenance(
        &self,
        route: Route<'_>,
        request: &Request,
        caller: Caller,
    ) -> Result<Response, Response> {
        let writable = route.endpoint != "maintenance/status";
        match request.method.as_str() {
            "GET" => self.show(route, request).await,
            "POST" if route.endpoint == "kaon/maintenance/schedule" => {
                let schedule = Box::new(reading(&request.body, object::<KaonSchedule>).await?);
                let (ticket, reply) = self.replies.ticket();
                let input = Input::EnforceSchedule { ticket: Ticket(ticket), schedule, caller };
                self.door.put(input).await?;
                answer(reply).await
            }
            "POST" if writable => {
                let update = UpdateMaintenanceSchedule {
                    schedule: reading(&request.body, object::<Schedule>).await?,
                    ..Default::default()
                };
                let call = Call {
                    r#type: Some(Type::UpdateMaintenanceSchedule),
                    update_maintenance_schedule: Some(update),
                    ..Default::default()
                };
                self.change(call, caller).await
            }
            other if writable => Err(Response::method_not_allowed(&["GET", "POST"], other)),
            other => Err(Response::method_not_allowed(&["GET"], other)),
        }
    }

    /// `/machine/down` and `/machine/up`: a list of machines.
    pub(super) async fn machines(
        &self,
        endpoint: &str,
        request: &Request,
        caller: Caller,
    ) -> Result<Response, Response> {
        is_post(request)?;
        let machines = reading(&request.body, list::<v1::MachineID>).await?;
        let call = if endpoint == "machine/down" {
            let start = StartMaintenance { machines, ..Default::default() };
            Call {
                r#type: Some(Type::StartMaintenance),
                start_maintenance: Some(start),
                ..Default::default()
            }
        } else {
            let stop = StopMaintenance { machines, ..Default::default() };
            Call { r#type: Some(Type::StopMaintenance), stop_maintenance: Some(stop), ..Default::default() }
        };
        self.change(call, caller).await
    }
}

/// What the body says, as one object.
fn object<M: Message>(body: &[u8]) -> Result<M, Response> {
    match parse(body).map_err(|error| bad(error.to_string()))? {
        json @ Json::Object(_) => from_json(&json, Dialect::V0).map_err(|error| bad(error.to_string())),
        _ => Err(bad("Unexpected JSON type parsed")),
    }
}

/// What the body says, as a list of objects.
fn list<M: Message>(body: &[u8]) -> Result<Vec<M>, Response> {
    let Json::Array(items) = parse(body).map_err(|error| bad(error.to_string()))? else {
        return Err(bad("Unexpected JSON type parsed"));
    };
    let one = |json: &Json| match json {
        Json::Object(_) => from_json(json, Dialect::V0).map_err(|error| bad(error.to_string())),
        _ => Err(bad("Expecting a JSON object")),
    };
    items.iter().map(one).collect()
}
