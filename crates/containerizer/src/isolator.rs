// SPDX-License-Identifier: Apache-2.0

//! The seam at which one aspect of isolation enters a launch.

mod command;
mod environment;
mod posix_rlimits;
mod sandbox;
mod switch_user;

use thiserror::Error;

use crate::config::ContainerConfig;
use crate::plan::Plan;

/// One aspect of how a container is set up.
pub trait Isolator: Send + Sync {
    /// The name by which errors speak of it.
    fn name(&self) -> &'static str;

    /// Adds this aspect to `plan`, or says why the container cannot have it. Changes nothing in the world.
    fn contribute(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), IsolatorError>;
}

/// Why a container cannot be launched as it was asked for.
#[derive(Debug, Error)]
pub enum IsolatorError {
    /// The command cannot be run.
    #[error("the command cannot be run: {0}")]
    Command(String),
    /// The environment cannot be set.
    #[error("the environment variable '{}' cannot be set: {reason}", .name.escape_debug())]
    Environment {
        /// Its name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A limit is not one.
    #[error("the limit {resource} is invalid: {reason}")]
    Rlimit {
        /// Mesos's name of the resource.
        resource: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The sandbox cannot be one.
    #[error("the sandbox '{path}' cannot be used: {reason}")]
    Sandbox {
        /// Its path as given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The account cannot be used.
    #[error(transparent)]
    User(#[from] crate::user::UserError),
}

/// The isolators of every container.
pub fn standard() -> Vec<Box<dyn Isolator>> {
    vec![
        Box::new(posix_rlimits::PosixRlimits),
        Box::new(switch_user::SwitchUser),
        Box::new(sandbox::SandboxFiles),
        Box::new(environment::Environment),
        Box::new(command::CommandLine),
    ]
}

/// Lets each of `isolators` contribute to a fresh plan.
pub fn plan(isolators: &[Box<dyn Isolator>], config: &ContainerConfig) -> Result<Plan, IsolatorError> {
    let mut plan = Plan::default();
    for isolator in isolators {
        isolator.contribute(config, &mut plan)?;
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{Command, Resource, Rlimit};

    pub(super) fn config() -> ContainerConfig {
        ContainerConfig {
            command: Command::shell("echo hello; exit 3"),
            environment: vec![
                ("B".into(), "2\n".into()),
                ("A".into(), "old".into()),
                ("A".into(), "1".into()),
            ],
            user: None,
            sandbox: "/var/lib/mesos/box".into(),
            rlimits: Vec::new(),
            die_with_agent: false,
            recovery_timeout: Duration::from_secs(900),
        }
    }

    #[test]
    fn a_shell_command_as_another_user_with_limits() {
        let mut config = config();
        config.user = Some("root".into());
        config.rlimits = vec![
            Rlimit { resource: Resource::OpenFiles, soft: Some(64), hard: Some(128) },
            Rlimit { resource: Resource::Core, soft: None, hard: None },
        ];
        let expected = "\
rlimit   RLMT_NOFILE soft 64 hard 128
rlimit   RLMT_CORE soft unlimited hard unlimited
user     root uid 0 gid 0 groups 0
umask    0022
cwd      /var/lib/mesos/box
stdin    /dev/null
stdout   /var/lib/mesos/box/stdout
stderr   /var/lib/mesos/box/stderr
exec     /bin/sh
  argv   sh
  argv   -c
  argv   echo hello; exit 3
  env    A=1
  env    B=2\\n
  env    MESOS_SANDBOX=/var/lib/mesos/box
  env    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
";
        assert_eq!(plan(&standard(), &config).expect("plan").to_string(), expected);
    }

    #[test]
    fn a_program_with_its_argv_and_its_own_path() {
        let mut config = config();
        config.command = Command::program("date", ["date", "-u"]);
        config.environment =
            vec![("PATH".into(), "/opt/bin".into()), ("MESOS_SANDBOX".into(), "/elsewhere".into())];
        let expected = "\
user     unchanged
umask    0022
cwd      /var/lib/mesos/box
stdin    /dev/null
stdout   /var/lib/mesos/box/stdout
stderr   /var/lib/mesos/box/stderr
exec     date
  argv   date
  argv   -u
  env    MESOS_SANDBOX=/elsewhere
  env    PATH=/opt/bin
";
        assert_eq!(plan(&standard(), &config).expect("plan").to_string(), expected);
    }

    #[test]
    fn a_program_without_arguments_is_named_by_itself() {
        let mut config = config();
        config.command = Command { shell: false, value: Some("/bin/true".into()), arguments: vec![] };
        assert_eq!(plan(&standard(), &config).expect("plan").argv, ["/bin/true"]);
    }

    #[test]
    fn what_cannot_be_launched_is_refused_with_its_reason() {
        type Edit = fn(&mut ContainerConfig);
        let cases: [(Edit, &str); 11] = [
            (|c| c.command.value = None, "the command cannot be run: it has no value"),
            (
                |c| c.command.value = Some("a\0b".into()),
                "the command cannot be run: it holds a NUL character",
            ),
            (
                |c| c.command = Command::program("x", ["x", "\0"]),
                "the command cannot be run: it holds a NUL character",
            ),
            (
                |c| c.environment = vec![("A=B".into(), "".into())],
                "the environment variable 'A=B' cannot be set: its name holds '='",
            ),
            (
                |c| c.environment = vec![("".into(), "x".into())],
                "the environment variable '' cannot be set: its name is empty",
            ),
            (
                |c| c.environment = vec![("A".into(), "\0".into())],
                "the environment variable 'A' cannot be set: it holds a NUL character",
            ),
            (
                |c| c.rlimits = vec![Rlimit { resource: Resource::OpenFiles, soft: Some(2), hard: Some(1) }],
                "the limit RLMT_NOFILE is invalid: its soft bound 2 is above its hard bound 1",
            ),
            (
                |c| c.rlimits = vec![Rlimit { resource: Resource::OpenFiles, soft: Some(2), hard: None }],
                "the limit RLMT_NOFILE is invalid: it needs both a soft and a hard bound, or neither",
            ),
            (
                |c| c.rlimits = vec![Rlimit { resource: Resource::Cpu, soft: None, hard: None }; 2],
                "the limit RLMT_CPU is invalid: it is given twice",
            ),
            (|c| c.sandbox = "box".into(), "the sandbox 'box' cannot be used: it is not an absolute path"),
            (
                |c| c.user = Some("no-such-user-here".into()),
                "no user is called 'no-such-user-here' on this host",
            ),
        ];
        for (edit, expected) in cases {
            let mut config = config();
            edit(&mut config);
            let error = plan(&standard(), &config).expect_err(expected);
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_plan_survives_its_file() {
        let plan = plan(&standard(), &config()).expect("plan");
        let text = serde_json::to_string(&plan).expect("writes");
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("reads"), plan);
    }
}
