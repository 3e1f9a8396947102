// SPDX-License-Identifier: Apache-2.0

//! Everything that launching one container does, written down before it is done.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Rlimit;
use crate::user::Credentials;

/// The steps of one launch, as a value: printed, compared and stored without root.
///
/// [Isolators](crate::Isolator) fill it in the agent; the supervisor carries it out, in the order of the fields. An
/// isolator that needs a step of a new kind adds a field here, a line to the text below, and the step to
/// `supervisor/init.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Limits, set while still privileged.
    pub rlimits: Vec<Rlimit>,
    /// Whom the process becomes; `None` stays the supervisor's own user.
    pub credentials: Option<Credentials>,
    /// Bits taken from the mode of new files.
    pub umask: u32,
    /// Where it starts, entered as that user.
    pub working_directory: PathBuf,
    /// The file of its standard output, opened as that user, never through a symbolic link.
    pub stdout: PathBuf,
    /// The file of its standard error, likewise.
    pub stderr: PathBuf,
    /// The program: a path, or a name looked up in `PATH` of `environment`.
    pub program: String,
    /// The whole argv, the program's own name first.
    pub argv: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rlimit in &self.rlimits {
            let bound = |value: Option<u64>| value.map_or("unlimited".to_string(), |v| v.to_string());
            let (soft, hard) = (bound(rlimit.soft), bound(rlimit.hard));
            writeln!(f, "rlimit   {} soft {soft} hard {hard}", rlimit.resource.wire_name())?;
        }
        match &self.credentials {
            Some(user) => writeln!(f, "user     {user}")?,
            None => writeln!(f, "user     unchanged")?,
        }
        writeln!(f, "umask    {:04o}", self.umask)?;
        writeln!(f, "cwd      {}", self.working_directory.display())?;
        writeln!(f, "stdin    /dev/null")?;
        writeln!(f, "stdout   {}", self.stdout.display())?;
        writeln!(f, "stderr   {}", self.stderr.display())?;
        writeln!(f, "exec     {}", self.program.escape_debug())?;
        for argument in &self.argv {
            writeln!(f, "  argv   {}", argument.escape_debug())?;
        }
        for (name, value) in &self.environment {
            writeln!(f, "  env    {name}={}", value.escape_debug())?;
        }
        Ok(())
    }
}
