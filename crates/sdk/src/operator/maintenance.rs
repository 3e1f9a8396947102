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

/// Bound: how often a change is made anew because somebody else made one at the same time.
const ATTEMPTS_MAX: usize = 10;

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

    /// Changes what is scheduled: `edit` is shown what is there, again if it has changed in the meantime. Where something
    /// is to be enforced, the master must be one of ours.
    pub async fn edit_maintenance_schedule<E: From<Error>>(
        &self,
        mut edit: impl FnMut(&mut KaonSchedule) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut attempts = 0;
        loop {
            let mut schedule = self.maintenance_schedule().await?;
            let before = without_enforcement(&schedule);
            edit(&mut schedule)?;
            attempts += 1;
            match self.replace_maintenance_schedule(&schedule, before).await {
                Err(Error::Status { status: 409, .. }) if attempts < ATTEMPTS_MAX => {}
                answered => return answered.map_err(E::from),
            }
        }
    }

    async fn replace_maintenance_schedule(
        &self,
        schedule: &KaonSchedule,
        replaces: Schedule,
    ) -> Result<(), Error> {
        let whole = KaonSchedule { replaces: Some(replaces), ..schedule.clone() };
        match self.post_json(ENFORCED, to_json(&whole, Dialect::V0)).await {
            Err(Error::Status { status: 404, .. })
                if schedule.windows.iter().all(|window| window.enforcement.is_none()) => {}
            answered => return answered,
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
