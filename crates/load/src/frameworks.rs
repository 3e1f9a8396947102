// SPDX-License-Identifier: Apache-2.0

//! Emulated frameworks, which launch as many small tasks as they are offered resources for.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use kaon_sdk::resources::Wanted;
use kaon_sdk::{Event, Options, Scheduler, command_task, v1};

/// What the frameworks have seen, summed.
#[derive(Debug, Default)]
pub struct Tally {
    pub launched: AtomicU64,
    pub finished: AtomicU64,
    /// Tasks that ended otherwise: there should be none.
    pub lost: AtomicU64,
}

/// Runs one framework until its master refuses it or the program ends.
pub async fn run(master: SocketAddrV4, index: u64, per_accept: usize, tally: Arc<Tally>) -> Result<()> {
    let framework = v1::FrameworkInfo {
        user: "root".into(),
        name: format!("load-{index}"),
        roles: vec![format!("load-{index}")],
        capabilities: [
            v1::framework_info::capability::Type::MultiRole,
            v1::framework_info::capability::Type::PartitionAware,
        ]
        .into_iter()
        .map(|r#type| v1::framework_info::Capability { r#type: Some(r#type), ..Default::default() })
        .collect(),
        ..Default::default()
    };
    let options = Options::new(master.to_string().parse()?, framework);
    let (scheduler, mut events) =
        Scheduler::connect(options).await.context("the master took no subscription")?;
    let wanted = Wanted::new(0.1, 32.0);
    let mut counter = 0u64;
    while let Some(event) = events.next().await {
        match event {
            Event::Offers(offers) => {
                for mut offer in offers {
                    let mut tasks = Vec::new();
                    while tasks.len() < per_accept
                        && let Some(resources) = wanted.take(&mut offer.resources)
                    {
                        counter += 1;
                        let id = format!("{index}-{counter}");
                        tasks.push(command_task(&id, &offer.agent_id, resources, "true"));
                    }
                    tally.launched.fetch_add(tasks.len() as u64, Ordering::Relaxed);
                    scheduler.launch([offer.id], tasks, Some(0.0)).await?;
                }
            }
            Event::Update(status) if status.state == v1::TaskState::TaskFinished => {
                tally.finished.fetch_add(1, Ordering::Relaxed);
            }
            Event::Update(status) if kaon_sdk::is_terminal(status.state) => {
                tally.lost.fetch_add(1, Ordering::Relaxed);
            }
            Event::Error(message) => anyhow::bail!("the master refused framework {index}: {message}"),
            _ => {}
        }
    }
    Ok(())
}
