// SPDX-License-Identifier: Apache-2.0

//! Runs one command on the cluster: a whole framework on a page.
//!
//! `cargo run --example hello -- 127.0.0.1:5050 'echo hello from $(hostname)'`

use std::process::ExitCode;

use kaon_sdk::resources::Wanted;
use kaon_sdk::v1::{FrameworkInfo, TaskState};
use kaon_sdk::{Event, Options, Scheduler, command_task, is_terminal};

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout, reason = "this is what the example is for")]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let master = arguments.next().unwrap_or_else(|| "127.0.0.1:5050".into());
    let command = arguments.next().unwrap_or_else(|| "echo hello".into());

    let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
    let framework = FrameworkInfo { user, name: "hello".into(), ..Default::default() };
    let (scheduler, mut events) = Scheduler::connect(Options::new(master.parse()?, framework)).await?;

    let mut launched = false;
    while let Some(event) = events.next().await {
        match event {
            Event::Subscribed(subscribed) => println!("subscribed as {}", subscribed.framework_id.value),
            Event::Offers(offers) => {
                for mut offer in offers {
                    let resources =
                        if launched { None } else { Wanted::new(0.1, 32.0).take(&mut offer.resources) };
                    let Some(resources) = resources else {
                        scheduler.decline([offer.id], Some(60.0)).await?;
                        continue;
                    };
                    println!("launching on {}", offer.hostname);
                    let task = command_task("hello", &offer.agent_id, resources, &command);
                    scheduler.launch([offer.id], vec![task], Some(60.0)).await?;
                    launched = true;
                }
            }
            Event::Update(status) => {
                println!("{:?} {}", status.state, status.message.as_deref().unwrap_or_default());
                if is_terminal(status.state) {
                    scheduler.teardown().await?;
                    let finished = status.state == TaskState::TaskFinished;
                    return Ok(if finished { ExitCode::SUCCESS } else { ExitCode::FAILURE });
                }
            }
            Event::Error(message) => return Err(message.into()),
            _ => {}
        }
    }
    Ok(ExitCode::FAILURE)
}
