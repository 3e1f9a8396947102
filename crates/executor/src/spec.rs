// SPDX-License-Identifier: Apache-2.0

//! What a task asks of its executor.

use std::time::Duration;

use kaon_api::v1;

use crate::check;

/// Mesos: the time between SIGTERM and SIGKILL where nobody asks for another.
pub const DEFAULT_KILL_GRACE: Duration = Duration::from_secs(3);

/// What is to be known of a task to run it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Between SIGTERM and SIGKILL.
    pub kill_grace: Duration,
    /// How long the task may run before it is killed and counts as failed.
    pub max_completion: Option<Duration>,
    /// Whether the framework wants to hear of TASK_KILLING.
    pub tells_killing: bool,
    pub check: Option<check::Spec>,
    pub health: Option<(check::Spec, check::Health)>,
}

/// The times of Mesos, and no checks.
impl Default for Spec {
    fn default() -> Spec {
        Spec {
            kill_grace: DEFAULT_KILL_GRACE,
            max_completion: None,
            tells_killing: false,
            check: None,
            health: None,
        }
    }
}

impl Spec {
    pub fn new(task: &v1::TaskInfo, framework: &v1::FrameworkInfo) -> Spec {
        Spec {
            kill_grace: grace_of(task.kill_policy.as_ref()).unwrap_or(DEFAULT_KILL_GRACE),
            max_completion: max_completion(task),
            tells_killing: framework.capabilities.iter().any(|capability| {
                capability.r#type == Some(v1::framework_info::capability::Type::TaskKillingState)
            }),
            ..Spec::default()
        }
        .checked_by(task)
    }

    /// The same with the checks of this task.
    pub fn checked_by(self, task: &v1::TaskInfo) -> Spec {
        Spec {
            check: task.check.as_deref().and_then(check::Spec::of_check),
            health: task.health_check.as_deref().and_then(check::Spec::of_health),
            ..self
        }
    }
}

/// Mesos: a time of 0 is no limit.
pub fn max_completion(task: &v1::TaskInfo) -> Option<Duration> {
    task.max_completion_time.as_ref().map(nanoseconds).filter(|span| !span.is_zero())
}

/// The grace period that a kill policy names.
pub fn grace_of(policy: Option<&v1::KillPolicy>) -> Option<Duration> {
    policy?.grace_period.as_ref().map(nanoseconds)
}

/// A span of the wire. A negative one, which the master refuses, counts as none at all.
pub fn nanoseconds(span: &v1::DurationInfo) -> Duration {
    Duration::from_nanos(u64::try_from(span.nanoseconds).unwrap_or(0))
}
