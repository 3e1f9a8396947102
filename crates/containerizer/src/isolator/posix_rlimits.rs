// SPDX-License-Identifier: Apache-2.0

//! The POSIX resource limits.

use super::{Isolator, IsolatorError};
use crate::config::ContainerConfig;
use crate::plan::Plan;

/// Mesos: its isolator `posix/rlimits`.
pub(super) struct PosixRlimits;

impl Isolator for PosixRlimits {
    fn name(&self) -> &'static str {
        "posix/rlimits"
    }

    fn contribute(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), IsolatorError> {
        for rlimit in &config.rlimits {
            let refuse =
                |reason: String| Err(IsolatorError::Rlimit { resource: rlimit.resource.wire_name(), reason });
            if plan.rlimits.iter().any(|earlier| earlier.resource == rlimit.resource) {
                return refuse("it is given twice".into());
            }
            match (rlimit.soft, rlimit.hard) {
                (Some(soft), Some(hard)) if soft > hard => {
                    return refuse(format!("its soft bound {soft} is above its hard bound {hard}"));
                }
                (Some(_), Some(_)) | (None, None) => plan.rlimits.push(*rlimit),
                _ => return refuse("it needs both a soft and a hard bound, or neither".into()),
            }
        }
        Ok(())
    }
}
