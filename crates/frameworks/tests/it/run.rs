// SPDX-License-Identifier: Apache-2.0

//! Batch jobs from their input to their output.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kaon_api::v1::TaskInfo;
use kaon_api::v1::scheduler::call::Type;
use kaon_frameworks::run::batch::Settings;
use kaon_frameworks::run::{self, Options, Outcome, RunError, Source, Template};
use kaon_sdk::resources::Wanted;

use crate::cluster::{Cluster, Fate};

/// A folder that is deleted in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        Folder(std::env::temp_dir().join(format!("kaon-frameworks-{name}-{}", std::process::id())))
    }

    fn output_of(&self, number: u64) -> Option<String> {
        std::fs::read_to_string(self.0.join(format!("{number}.out"))).ok()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

async fn run(cluster: &Cluster, folder: &Folder, tasks: u64, retries: u32) -> Outcome {
    try_run(cluster, &folder.0, tasks, retries).await.unwrap()
}

async fn try_run(cluster: &Cluster, output: &Path, tasks: u64, retries: u32) -> Result<Outcome, RunError> {
    let options = Options {
        credential: None,
        masters: format!("127.0.0.1:{}", cluster.port).parse().unwrap(),
        name: "test".into(),
        role: "*".into(),
        settings: Settings {
            wanted: Wanted::new(1.0, 0.0),
            max_parallel: usize::MAX,
            retries,
            master_patience: Duration::from_secs(600),
            id_prefix: String::new(),
        },
        command: Template::new(vec!["program".into(), "{}".into()]).unwrap(),
        environment: vec![("A".into(), "B".into())],
        uris: vec!["http://x/y".into()],
        source: Source::Count(tasks),
        output: Some(output.to_owned()),
    };
    tokio::time::timeout(Duration::from_secs(30), run::run(options)).await.expect("it ends")
}

fn attempt(task: &TaskInfo) -> &str {
    task.task_id.value.rsplit_once('-').unwrap().1
}

#[tokio::test]
async fn every_task_leaves_its_output() {
    let cluster = Cluster::start(|_| Fate::Finish).await;
    let folder = Folder::new("all");
    let outcome = run(&cluster, &folder, 50, 0).await;
    assert!(outcome.success);
    assert_eq!((outcome.tally.succeeded, outcome.tally.retried), (50, 0));
    for number in 1..=50 {
        assert_eq!(folder.output_of(number), Some(format!("out of f-{number}-1\n")));
    }
    let accepts = cluster.calls_of(Type::Accept);
    assert!(accepts.len() < 50, "many tasks go into one call");
    let tasks = |call: &kaon_api::v1::scheduler::Call| {
        call.accept.clone().unwrap().operations[0].launch.clone().unwrap().task_infos
    };
    let commands: BTreeSet<String> =
        accepts.iter().flat_map(tasks).map(|task| task.command.unwrap().arguments[1].clone()).collect();
    assert_eq!(commands.len(), 50, "each has its own line");
    let command = tasks(&accepts[0])[0].command.clone().unwrap();
    assert_eq!(command.environment.unwrap().variables[0].value.as_deref(), Some("B"));
    assert_eq!(command.uris[0].value, "http://x/y");
    assert_eq!(cluster.calls_of(Type::Teardown).len(), 1);
}

#[tokio::test]
async fn failed_tasks_run_again_elsewhere() {
    let cluster = Cluster::start(|task| match (task.agent_id.value.as_str(), attempt(task)) {
        (_, "1") if task.task_id.value.starts_with("f-3-") => Fate::Drop,
        ("a", "1") => Fate::Fail,
        _ => Fate::Finish,
    })
    .await;
    let folder = Folder::new("retried");
    let outcome = run(&cluster, &folder, 4, 1).await;
    assert!(outcome.success, "{outcome:?}");
    assert_eq!((outcome.tally.succeeded, outcome.tally.failed), (4, 0));
    assert_eq!(folder.output_of(1).as_deref(), Some("out of f-1-2\n"));
    assert_eq!(folder.output_of(3).as_deref(), Some("out of f-3-2\n"));
}

#[tokio::test]
async fn a_job_with_a_failed_task_fails_but_does_the_rest() {
    let fate =
        |task: &TaskInfo| if task.task_id.value.starts_with("f-2-") { Fate::Fail } else { Fate::Finish };
    let cluster = Cluster::start(fate).await;
    let folder = Folder::new("failed");
    let outcome = run(&cluster, &folder, 3, 0).await;
    assert!(!outcome.success && !outcome.interrupted);
    assert_eq!((outcome.tally.succeeded, outcome.tally.failed), (2, 1));
    assert_eq!(
        folder.output_of(2).as_deref(),
        Some("out of f-2-1\n"),
        "of a failed task the output is kept, too"
    );
}

#[tokio::test]
async fn a_lost_master_costs_no_task() {
    let fate =
        |task: &TaskInfo| if task.task_id.value == "f-1-1" { Fate::FinishUnheard } else { Fate::Finish };
    let cluster = Cluster::start(fate).await;
    let folder = Folder::new("lost");
    let outcome = run(&cluster, &folder, 6, 0).await;
    assert!(outcome.success, "{outcome:?}");
    let subscriptions = cluster.calls_of(Type::Subscribe);
    assert_eq!(subscriptions.len(), 2);
    assert_eq!(subscriptions[1].framework_id.as_ref().map(|id| id.value.as_str()), Some("f"));
    assert_eq!(
        folder.output_of(1).as_deref(),
        Some("out of f-1-1\n"),
        "what finished unheard was asked after"
    );
}

#[tokio::test]
async fn nothing_runs_whose_output_has_no_place() {
    let cluster = Cluster::start(|_| Fate::Finish).await;
    // Not even root can make a file there.
    let error = try_run(&cluster, Path::new("/proc"), 1, 3).await.unwrap_err();
    assert!(matches!(error, RunError::Folder { .. }), "{error}");
    assert_eq!(cluster.calls_of(Type::Subscribe).len(), 0);
}

#[tokio::test]
async fn a_task_does_not_run_again_because_we_cannot_write() {
    let cluster = Cluster::start(|_| Fate::Finish).await;
    let folder = Folder::new("unwritable");
    std::fs::create_dir_all(folder.0.join("1.out").join("in the way")).unwrap();
    let error = try_run(&cluster, &folder.0, 1, 3).await.unwrap_err();
    assert!(error.to_string().contains("1.out"), "{error}");
    assert_eq!(cluster.calls_of(Type::Accept).len(), 1);
    assert_eq!(cluster.calls_of(Type::Teardown).len(), 1);
}

#[test]
fn a_job_that_is_given_up_says_what_becomes_of_its_tasks() {
    let masters = "127.0.0.1:5050".parse().unwrap();
    let error = RunError::NoMaster { masters, patience: Duration::from_secs(9), framework: "F1".to_owned() };
    let text = error.to_string();
    for part in [
        "for 9 s",
        "60 s after",
        "--recovered_framework_timeout",
        "frameworkId=F1 http://MASTER/master/teardown",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
