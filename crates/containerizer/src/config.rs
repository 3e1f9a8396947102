// SPDX-License-Identifier: Apache-2.0

//! What the agent asks for when it launches a container.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A command as Mesos's `CommandInfo` has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// Whether `value` is a shell's script (`sh -c value`) or a program.
    pub shell: bool,
    /// The script, or the program: a path, or a name looked up in the container's `PATH`.
    pub value: Option<String>,
    /// The arguments of a program, beginning with its own name (argv\[0\]); no use for a script.
    pub arguments: Vec<String>,
}

impl Command {
    /// `sh -c script`.
    pub fn shell(script: impl Into<String>) -> Command {
        Command { shell: true, value: Some(script.into()), arguments: Vec::new() }
    }

    /// A program with its whole argv, argv\[0\] first.
    pub fn program<A: Into<String>>(
        program: impl Into<String>,
        argv: impl IntoIterator<Item = A>,
    ) -> Command {
        let arguments = argv.into_iter().map(Into::into).collect();
        Command { shell: false, value: Some(program.into()), arguments }
    }
}

/// One container to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerConfig {
    /// What its first process runs.
    pub command: Command,
    /// Its environment in order, a later entry of a name winning; nothing of the agent's own is added.
    pub environment: Vec<(String, String)>,
    /// The account it runs as; `None` is the agent's own.
    pub user: Option<String>,
    /// Its sandbox, an existing absolute directory: working directory, and home of `stdout` and `stderr`.
    pub sandbox: PathBuf,
    /// Its POSIX resource limits.
    pub rlimits: Vec<Rlimit>,
    /// Whether it ends with the agent process that launched it (a framework without checkpointing).
    pub die_with_agent: bool,
    /// How long it may go on without any agent.
    pub recovery_timeout: Duration,
}

/// A POSIX resource limit as Mesos's `RLimitInfo.RLimit` has it: both bounds, or neither for "unlimited".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimit {
    /// What is limited.
    pub resource: Resource,
    /// What the process has, in the unit of `setrlimit(2)`.
    pub soft: Option<u64>,
    /// Up to where the process may raise it.
    pub hard: Option<u64>,
}

/// Declares the limits once: our name, Mesos's name, the kernel's.
macro_rules! resources {
    ($($name:ident $wire:literal $kernel:ident),* $(,)?) => {
        /// A resource that `setrlimit(2)` can bound.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Resource { $(#[doc = $wire] $name),* }

        impl Resource {
            /// The name in `RLimitInfo.RLimit.Type`.
            pub fn wire_name(self) -> &'static str {
                match self { $(Resource::$name => $wire),* }
            }

            /// The resource of a name in `RLimitInfo.RLimit.Type`.
            pub fn from_wire_name(name: &str) -> Option<Resource> {
                match name { $($wire => Some(Resource::$name),)* _ => None }
            }

            pub(crate) fn kernel(self) -> rustix::process::Resource {
                match self { $(Resource::$name => rustix::process::Resource::$kernel),* }
            }
        }
    };
}

resources! {
    AddressSpace "RLMT_AS" As,
    Core "RLMT_CORE" Core,
    Cpu "RLMT_CPU" Cpu,
    Data "RLMT_DATA" Data,
    FileSize "RLMT_FSIZE" Fsize,
    Locks "RLMT_LOCKS" Locks,
    LockedMemory "RLMT_MEMLOCK" Memlock,
    MessageQueues "RLMT_MSGQUEUE" Msgqueue,
    Nice "RLMT_NICE" Nice,
    OpenFiles "RLMT_NOFILE" Nofile,
    Processes "RLMT_NPROC" Nproc,
    ResidentSet "RLMT_RSS" Rss,
    RealTimePriority "RLMT_RTPRIO" Rtprio,
    RealTimeRun "RLMT_RTTIME" Rttime,
    PendingSignals "RLMT_SIGPENDING" Sigpending,
    Stack "RLMT_STACK" Stack,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_names_lead_back_to_their_resource() {
        assert_eq!(Resource::from_wire_name("RLMT_NOFILE"), Some(Resource::OpenFiles));
        assert_eq!(Resource::from_wire_name(Resource::Stack.wire_name()), Some(Resource::Stack));
        assert_eq!(Resource::from_wire_name("RLMT_UNKNOWN"), None);
    }
}
