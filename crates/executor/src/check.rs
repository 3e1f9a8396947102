// SPDX-License-Identifier: Apache-2.0

//! What a check of a task is: where it looks, how often, and what it may find.

use std::time::Duration;

use kaon_api::v1;
use kaon_api::v1::check_info::Type;
use kaon_api::v1::network_info::Protocol;

/// Bound: the shortest pause between two looks. Mesos: none, so that an interval of 0 keeps a processor busy.
const MIN_INTERVAL: Duration = Duration::from_millis(100);
/// Bound: the longest span that is told apart from never.
const MAX_SPAN: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Which of a task's two checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    /// Its result is told, and nothing follows from it.
    Check,
    /// It decides whether the task is healthy, and ends one that is not.
    Health,
}

/// Where a check looks.
#[derive(Clone, Debug, PartialEq)]
pub enum Probe {
    /// Runs a command in the task's context.
    Command(Box<v1::CommandInfo>),
    /// Asks a server of the task's, on its own loopback address.
    Http { https: bool, ipv6: bool, port: u32, path: String },
    /// Connects to a server of the task's, on its own loopback address.
    Tcp { port: u32 },
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A command's exit status.
    Command { exit_code: i32 },
    /// The status of an HTTP answer.
    Http { status: u16 },
    /// Whether a connection was made.
    Tcp { succeeded: bool },
    /// The check itself could not be made, or took too long; the text is for people.
    Failed { message: String },
}

/// One check, with its times.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    pub probe: Probe,
    /// Before the first look.
    pub delay: Duration,
    /// Between the end of a look and the next.
    pub interval: Duration,
    /// How long a look may take; none: for ever.
    pub timeout: Option<Duration>,
}

/// What makes a task unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// How long failures do not count, as long as no success has been seen.
    pub grace: Duration,
    /// So many failures in a row end the task.
    pub failures: u32,
}

impl Spec {
    /// The check of a task; none if it is not one that can be made, which masters refuse.
    pub fn of_check(check: &v1::CheckInfo) -> Option<Spec> {
        let probe = match check.r#type? {
            Type::Command => Probe::Command(check.command.as_ref()?.command.clone()),
            Type::Http => {
                let http = check.http.as_ref()?;
                let path = http.path.clone().unwrap_or_default();
                Probe::Http { https: false, ipv6: false, port: http.port, path }
            }
            Type::Tcp => Probe::Tcp { port: check.tcp.as_ref()?.port },
            Type::Unknown => return None,
        };
        Some(Spec {
            probe,
            delay: seconds(check.delay_seconds()),
            interval: seconds(check.interval_seconds()).max(MIN_INTERVAL),
            timeout: Some(seconds(check.timeout_seconds())).filter(|timeout| !timeout.is_zero()),
        })
    }

    /// The health check of a task; none if it is not one that can be made.
    pub fn of_health(check: &v1::HealthCheck) -> Option<(Spec, Health)> {
        use v1::health_check::Type;
        let probe = match health_type(check)? {
            Type::Command => Probe::Command(check.command.clone()?),
            Type::Http => {
                let http = check.http.as_ref()?;
                // Mesos: `statuses` is not looked at.
                Probe::Http {
                    https: http.scheme.as_deref() == Some("https"),
                    ipv6: http.protocol == Some(Protocol::Ipv6),
                    port: http.port,
                    path: http.path.clone().unwrap_or_default(),
                }
            }
            // Mesos: the protocol is not looked at, so that IPv6 is asked for in vain.
            Type::Tcp => Probe::Tcp { port: check.tcp.as_ref()?.port },
            Type::Unknown => return None,
        };
        let spec = Spec {
            probe,
            delay: seconds(check.delay_seconds()),
            interval: seconds(check.interval_seconds()).max(MIN_INTERVAL),
            timeout: Some(seconds(check.timeout_seconds())).filter(|timeout| !timeout.is_zero()),
        };
        let grace = seconds(check.grace_period_seconds());
        Some((spec, Health { grace, failures: check.consecutive_failures() }))
    }
}

/// Mesos: frameworks from before types were named give the command or the server alone.
fn health_type(check: &v1::HealthCheck) -> Option<v1::health_check::Type> {
    use v1::health_check::Type;
    check.r#type.or(match (&check.command, &check.http) {
        (Some(_), None) => Some(Type::Command),
        (None, Some(_)) => Some(Type::Http),
        _ => None,
    })
}

/// A span of the wire: one that is no number, or negative, counts as none at all.
fn seconds(span: f64) -> Duration {
    if span.is_nan() || span <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(span).unwrap_or(MAX_SPAN).min(MAX_SPAN)
}

impl Outcome {
    /// Mesos: any answer below 400 is a healthy one.
    pub fn is_healthy(&self) -> bool {
        match self {
            Outcome::Command { exit_code } => *exit_code == 0,
            Outcome::Http { status } => (200..400).contains(status),
            Outcome::Tcp { succeeded } => *succeeded,
            Outcome::Failed { .. } => false,
        }
    }
}

impl Probe {
    /// What is told of a check. Mesos: where nothing was found, the status says only what kind of check it is.
    pub(crate) fn status(&self, outcome: Option<&Outcome>) -> v1::CheckStatusInfo {
        let mut status = v1::CheckStatusInfo::default();
        match self {
            Probe::Command(_) => {
                let exit_code = match outcome {
                    Some(Outcome::Command { exit_code }) => Some(*exit_code),
                    _ => None,
                };
                status.r#type = Some(Type::Command);
                status.command = Some(v1::check_status_info::Command { exit_code, ..Default::default() });
            }
            Probe::Http { .. } => {
                let status_code = match outcome {
                    Some(Outcome::Http { status }) => Some(u32::from(*status)),
                    _ => None,
                };
                status.r#type = Some(Type::Http);
                status.http = Some(v1::check_status_info::Http { status_code, ..Default::default() });
            }
            Probe::Tcp { .. } => {
                let succeeded = match outcome {
                    Some(Outcome::Tcp { succeeded }) => Some(*succeeded),
                    _ => None,
                };
                status.r#type = Some(Type::Tcp);
                status.tcp = Some(v1::check_status_info::Tcp { succeeded, ..Default::default() });
            }
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_the_wire_never_overflow() {
        for (span, expected) in [
            (0.0, Duration::ZERO),
            (-1.0, Duration::ZERO),
            (f64::NAN, Duration::ZERO),
            (f64::NEG_INFINITY, Duration::ZERO),
            (1.5, Duration::from_millis(1500)),
            (1e300, MAX_SPAN),
            (f64::INFINITY, MAX_SPAN),
        ] {
            assert_eq!(seconds(span), expected, "{span}");
        }
    }

    #[test]
    fn what_is_left_out_has_the_times_of_mesos() {
        let tcp = v1::health_check::TCPCheckInfo { port: 80, ..Default::default() };
        let check = v1::HealthCheck {
            r#type: Some(v1::health_check::Type::Tcp),
            tcp: Some(tcp),
            ..Default::default()
        };
        let (spec, health) = Spec::of_health(&check).expect("a check");
        assert_eq!(spec.delay, Duration::from_secs(15));
        assert_eq!(spec.interval, Duration::from_secs(10));
        assert_eq!(spec.timeout, Some(Duration::from_secs(20)));
        assert_eq!(health, Health { grace: Duration::from_secs(10), failures: 3 });
        let endless = v1::HealthCheck { timeout_seconds: Some(0.0), interval_seconds: Some(0.0), ..check };
        let (spec, _) = Spec::of_health(&endless).expect("a check");
        assert_eq!((spec.timeout, spec.interval), (None, MIN_INTERVAL));
    }

    #[test]
    fn a_health_check_without_a_type_is_what_it_holds() {
        let command = v1::CommandInfo { value: Some("true".into()), ..Default::default() };
        let check = v1::HealthCheck { command: Some(Box::new(command)), ..Default::default() };
        assert!(matches!(Spec::of_health(&check), Some((Spec { probe: Probe::Command(_), .. }, _))));
        assert!(Spec::of_health(&v1::HealthCheck::default()).is_none());
    }
}
