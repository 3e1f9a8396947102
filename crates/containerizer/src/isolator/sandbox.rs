// SPDX-License-Identifier: Apache-2.0

//! The working directory with its two output files.

use super::{Isolator, IsolatorError};
use crate::config::ContainerConfig;
use crate::plan::Plan;

/// Starts the container in its sandbox and sends its output there.
pub(super) struct SandboxFiles;

impl Isolator for SandboxFiles {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    fn contribute(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), IsolatorError> {
        let refuse = |reason| {
            Err(IsolatorError::Sandbox { path: config.sandbox.to_string_lossy().into_owned(), reason })
        };
        if !config.sandbox.is_absolute() {
            return refuse("it is not an absolute path");
        }
        if config.sandbox.to_str().is_none_or(|path| path.contains('\0')) {
            return refuse("its path is not plain UTF-8 text");
        }
        plan.umask = 0o022;
        plan.working_directory = config.sandbox.clone();
        plan.stdout = config.sandbox.join("stdout");
        plan.stderr = config.sandbox.join("stderr");
        Ok(())
    }
}
