// SPDX-License-Identifier: Apache-2.0

//! What operators plan for machines.

use kaon_api::internal::KaonSchedule;
use kaon_api::json::{Dialect, from_json, parse, to_json};
use kaon_api::v1::MachineID;
use kaon_api::v1::maintenance::{ClusterStatus, Schedule, Window};
use kaon_api::v1::master::call::{StartMaintenance, StopMaintenance, Type, UpdateMaintenanceSchedule};
use kaon_api::v1::master::{Call, Response};

use super::{Operator, unreadable};
use crate::Error;

/// Of our own, with what is enforced; masters of Mesos answer 404.
const ENFORCED: &str = "/kaon/maintenance/schedule";

impl Operator {
    /// What is scheduled, with what is enforced of it.
    pub async fn maintenance_schedule(&self) -> Result<KaonSchedule, Error> {
        match self.get(ENFORCED).await {
            Ok((address, body)) => {
                let json = parse(&body).map_err(|error| unreadable(&address, error.to_string()))?;
                from_json(&json, Dialect::V0).map_err(|error| unreadable(&address, error.to_string()))
            }
            Err(Error::Status { status: 404, .. }) => {
                let answer = self.call(&of_type(Type::GetMaintenanceSchedule)).await?;
                let plain = answer.and_then(|answer| answer.get_maintenance_schedule);
                Ok(with_nothing_enforced(plain.unwrap_or_default().schedule))
            }
            Err(error) => Err(error),
        }
    }

    /// Puts a schedule in place of the one that is there. Where something is to be enforced, the master must be one of
    /// ours.
    pub async fn set_maintenance_schedule(&self, schedule: &KaonSchedule) -> Result<(), Error> {
        if schedule.windows.iter().any(|window| window.enforcement.is_some()) {
            return self.post_json(ENFORCED, to_json(schedule, Dialect::V0)).await;
        }
        let update =
            UpdateMaintenanceSchedule { schedule: without_enforcement(schedule), ..Default::default() };
        let call = of_type(Type::UpdateMaintenanceSchedule);
        self.order(Call { update_maintenance_schedule: Some(update), ..call }).await
    }

    /// Which machines are being given back, with what frameworks say to that, and which are down.
    pub async fn maintenance_status(&self) -> Result<ClusterStatus, Error> {
        let answer: Option<Response> = self.call(&of_type(Type::GetMaintenanceStatus)).await?;
        Ok(answer.and_then(|answer| answer.get_maintenance_status).unwrap_or_default().status)
    }

    /// Takes scheduled machines down: their agents end, with all that they run.
    pub async fn start_maintenance(&self, machines: Vec<MachineID>) -> Result<(), Error> {
        let start = StartMaintenance { machines, ..Default::default() };
        self.order(Call { start_maintenance: Some(start), ..of_type(Type::StartMaintenance) }).await
    }

    /// Lets the agents of machines that are down come back, and ends the machines' windows.
    pub async fn stop_maintenance(&self, machines: Vec<MachineID>) -> Result<(), Error> {
        let stop = StopMaintenance { machines, ..Default::default() };
        self.order(Call { stop_maintenance: Some(stop), ..of_type(Type::StopMaintenance) }).await
    }
}

fn of_type(kind: Type) -> Call {
    Call { r#type: Some(kind), ..Default::default() }
}

fn with_nothing_enforced(schedule: Schedule) -> KaonSchedule {
    let window = |window: Window| kaon_api::internal::KaonWindow {
        machine_ids: window.machine_ids,
        unavailability: window.unavailability,
        ..Default::default()
    };
    KaonSchedule { windows: schedule.windows.into_iter().map(window).collect(), ..Default::default() }
}

fn without_enforcement(schedule: &KaonSchedule) -> Schedule {
    let window = |window: &kaon_api::internal::KaonWindow| Window {
        machine_ids: window.machine_ids.clone(),
        unavailability: window.unavailability.clone(),
        ..Default::default()
    };
    Schedule { windows: schedule.windows.iter().map(window).collect(), ..Default::default() }
}
