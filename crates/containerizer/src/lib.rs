// SPDX-License-Identifier: Apache-2.0

//! Runs containers on one Linux host.
//!
//! The agent decides *what* runs; this crate makes it run. A container is a tree of processes beneath a
//! supervisor, a small process of its own that outlives the agent. How it is started is written
//! down first, as a [`Plan`] to which every [`Isolator`] contributes, and then carried out in one place. The design,
//! its alternatives and its measured figures stand in `docs/design/supervisor.md`.
//!
//! Everything here is synchronous and knows no event loop: what must be awaited is handed out as a pidfd, which
//! becomes readable when the process behind it has ended.

pub mod companion;
pub mod config;
pub mod containerizer;
pub mod dispatch;
pub mod fetcher;
mod files;
pub mod id;
mod image;
pub mod isolator;
pub mod plan;
mod process;
mod reason;
pub mod sandbox;
mod spawner;
mod supervisor;
pub mod user;
pub mod wait_status;

pub use companion::{Companion, CompanionError};
pub use config::{Command, ContainerConfig, Resource, Rlimit};
pub use containerizer::{ContainerError, Containerizer, Observed, Running, Scope, State};
pub use dispatch::dispatch;
pub use fetcher::{Fetch, FetchError, Fetching};
pub use id::ContainerId;
pub use isolator::Isolator;
pub use plan::Plan;
pub use process::Usage;
pub use sandbox::Sandbox;
pub use spawner::{SpawnError, Spawner};
pub use wait_status::WaitStatus;
