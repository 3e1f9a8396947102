// SPDX-License-Identifier: Apache-2.0

//! The environment variables.

use super::{Isolator, IsolatorError};
use crate::config::ContainerConfig;
use crate::plan::Plan;

/// Mesos: what its launcher sets when nothing else does, since the agent's own PATH is not inherited.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Sets the variables that were asked for, and the two that every container has.
pub(super) struct Environment;

impl Isolator for Environment {
    fn name(&self) -> &'static str {
        "environment"
    }

    fn contribute(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), IsolatorError> {
        for (name, value) in &config.environment {
            if let Some(reason) = fault(name, value) {
                return Err(IsolatorError::Environment { name: name.clone(), reason });
            }
            plan.environment.insert(name.clone(), value.clone());
        }
        let sandbox = config.sandbox.to_string_lossy().into_owned();
        for (name, value) in [("PATH", DEFAULT_PATH.to_string()), ("MESOS_SANDBOX", sandbox)] {
            plan.environment.entry(name.into()).or_insert(value);
        }
        Ok(())
    }
}

fn fault(name: &str, value: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("its name is empty")
    } else if name.contains('=') {
        Some("its name holds '='")
    } else if name.contains('\0') || value.contains('\0') {
        Some("it holds a NUL character")
    } else {
        None
    }
}
