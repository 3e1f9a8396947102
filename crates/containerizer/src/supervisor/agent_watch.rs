// SPDX-License-Identifier: Apache-2.0

//! Whether there still is an agent that wants the container.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::files::{self, Spec};
use crate::process::Identity;

/// How often to look for a new agent while there is none. With an agent there is nothing to look for: its pidfd
/// tells of its end.
const LOOK: Duration = Duration::from_secs(2);

/// The agent as one supervisor sees it.
pub(super) struct AgentWatch {
    die_with_agent: bool,
    recovery_timeout: Duration,
    agent_file: PathBuf,
    state: State,
}

enum State {
    /// Its pidfd.
    Present(OwnedFd),
    Absent {
        since: Instant,
    },
}

impl AgentWatch {
    /// Watches the agent that launched the container.
    pub(super) fn new(spec: &Spec) -> AgentWatch {
        let state = match spec.agent.open() {
            Ok(Some(pidfd)) => State::Present(pidfd),
            // Already gone, or unknowable: the next look at the file decides.
            Ok(None) | Err(_) => State::Absent { since: Instant::now() },
        };
        AgentWatch {
            die_with_agent: spec.die_with_agent,
            recovery_timeout: spec.recovery_timeout,
            agent_file: spec.agent_file.clone(),
            state,
        }
    }

    /// What becomes readable when the agent ends.
    pub(super) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        match &self.state {
            State::Present(pidfd) => Some(pidfd.as_fd()),
            State::Absent { .. } => None,
        }
    }

    /// In how long to ask for the [verdict](Self::verdict) again.
    pub(super) fn due(&self) -> Option<Duration> {
        match &self.state {
            State::Present(_) => None,
            State::Absent { since } => Some(LOOK.min(self.recovery_timeout.saturating_sub(since.elapsed()))),
        }
    }

    /// The agent has ended.
    pub(super) fn lost(&mut self) {
        self.state = State::Absent { since: Instant::now() };
    }

    /// Why the container must end now, if it must. Looks for a new agent if there is none.
    pub(super) fn verdict(&mut self) -> Option<String> {
        let State::Absent { since } = self.state else { return None };
        if self.die_with_agent {
            return Some("its agent has ended, and its framework does not checkpoint".into());
        }
        let announced = files::read_json::<Identity>(&self.agent_file);
        if let Ok(Some(pidfd)) = announced.and_then(|agent| agent.map_or(Ok(None), |agent| agent.open())) {
            self.state = State::Present(pidfd);
            return None;
        }
        let away = since.elapsed();
        (away >= self.recovery_timeout).then(|| format!("no agent has come back for {} s", away.as_secs()))
    }
}
