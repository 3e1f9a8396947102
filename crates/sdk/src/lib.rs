// SPDX-License-Identifier: Apache-2.0

//! What a program needs to speak with a cluster.
//!
//! - [`Scheduler`] asks a master for resources and runs tasks on them;
//! - [`Executor`] runs such tasks on an agent, where the built-in executors do not suffice;
//! - [`Operator`] looks at a cluster from outside.
//!
//! All three speak the v1 HTTP API, so they work with Kaon and with any Mesos 1.x. The messages are those of the
//! contract, re-exported as [`v1`]. A whole scheduler:
//!
//! ```no_run
//! use kaon_sdk::{Event, Options, Scheduler, command_task, resources::Wanted, v1};
//!
//! # async fn example() -> Result<(), kaon_sdk::Error> {
//! let framework = v1::FrameworkInfo { user: "root".into(), name: "hello".into(), ..Default::default() };
//! let options = Options::new("127.0.0.1:5050".parse()?, framework);
//! let (scheduler, mut events) = Scheduler::connect(options).await?;
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Offers(offers) => {
//!             for mut offer in offers {
//!                 let Some(resources) = Wanted::new(0.1, 32.0).take(&mut offer.resources) else {
//!                     scheduler.decline([offer.id], None).await?;
//!                     continue;
//!                 };
//!                 let task = command_task("hello", &offer.agent_id, resources, "echo hello");
//!                 scheduler.launch([offer.id], vec![task], None).await?;
//!             }
//!         }
//!         // The update is acknowledged when the next event is asked for.
//!         Event::Update(status) if kaon_sdk::is_terminal(status.state) => scheduler.teardown().await?,
//!         Event::Error(message) => eprintln!("refused: {message}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod backoff;
mod calls;
mod encoding;
mod error;
pub mod executor;
mod finder;
pub mod http;
pub mod operator;
mod random;
mod records;
pub mod resources;
pub mod scheduler;
mod subscription;
mod task;
pub mod zookeeper;

/// Maintenance of machines as our masters know it: Mesos's schedule, with what is enforced of it.
pub mod maintenance {
    pub use kaon_api::internal::{
        KaonEnforcement as Enforcement, KaonSchedule as Schedule, KaonWindow as Window,
    };
}

pub use address::{Address, AddressError, Masters};
pub use encoding::Encoding;
pub use error::Error;
pub use executor::Executor;
pub use kaon_api::v1;
pub use kaon_model::{Credential, Secret};
pub use operator::Operator;
pub use scheduler::{Event, Events, Options, Scheduler};
pub use task::{command_task, is_terminal};
