// SPDX-License-Identifier: Apache-2.0

//! The program and its argv.

use super::{Isolator, IsolatorError};
use crate::config::ContainerConfig;
use crate::plan::Plan;

/// Turns the command into what `execve(2)` wants.
pub(super) struct CommandLine;

impl Isolator for CommandLine {
    fn name(&self) -> &'static str {
        "command"
    }

    fn contribute(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), IsolatorError> {
        let command = &config.command;
        let refuse = |reason: &str| Err(IsolatorError::Command(reason.into()));
        let Some(value) = command.value.clone().filter(|value| !value.is_empty()) else {
            return refuse("it has no value");
        };
        if value.contains('\0') || command.arguments.iter().any(|argument| argument.contains('\0')) {
            return refuse("it holds a NUL character");
        }
        if command.shell {
            // Mesos: a shell command ignores `arguments`. The shell's path is fixed, so that a task's own PATH
            // cannot lose it.
            plan.program = "/bin/sh".into();
            plan.argv = vec!["sh".into(), "-c".into(), value];
        } else {
            // Programs expect their name in argv[0]; many crash on an empty argv.
            plan.argv =
                if command.arguments.is_empty() { vec![value.clone()] } else { command.arguments.clone() };
            plan.program = value;
        }
        Ok(())
    }
}
