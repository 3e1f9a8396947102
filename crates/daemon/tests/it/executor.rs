// SPDX-License-Identifier: Apache-2.0

//! The command executor as a process, under an agent that speaks the older API.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use kaon_api::libprocess::{Message as Envelope, Upid};
use kaon_api::wire::Message;
use kaon_api::{internal, v1};
use kaon_daemon::http::{Delivery, Limits, Request, Response, Service, serve};
use kaon_daemon::links::{Links, Options, Outgoing};
use tokio::runtime::Runtime;

use crate::daemon::binary;
use crate::support::{Folder, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

struct Mailbox(Mutex<mpsc::Sender<Envelope>>);

impl Service for Mailbox {
    async fn message(&self, message: Envelope) -> Delivery {
        let delivered = self.0.lock().unwrap().send(message).is_ok();
        if delivered { Delivery::Accepted } else { Delivery::NoActor }
    }

    async fn request(&self, _: Request) -> Response {
        Response::plain(hyper::StatusCode::NOT_FOUND)
    }
}

/// An agent with one executor.
struct Agent {
    runtime: Option<Runtime>,
    pid: Upid,
    links: Links,
    heard: mpsc::Receiver<Envelope>,
    executor: Upid,
}

impl Agent {
    fn new() -> Agent {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heard) = mpsc::channel();
        runtime.spawn(serve(listener, Arc::new(Mailbox(Mutex::new(sender))), Limits::default()));
        let (links, _) = Links::new(runtime.handle().clone(), Options::default());
        let pid = format!("slave(1)@{address}").parse().unwrap();
        Agent { runtime: Some(runtime), pid, links, heard, executor: Upid::empty() }
    }

    fn hear<M: Message>(&mut self) -> M {
        let envelope = self.heard.recv_timeout(PATIENCE).expect("a message comes in time");
        assert_eq!(envelope.name, M::PROTO_NAME);
        self.executor = envelope.from;
        M::decode(&envelope.body).unwrap()
    }

    fn say<M: Message + Send + 'static>(&mut self, message: M) {
        let encode = Box::new(move || (M::PROTO_NAME, message.encode()));
        self.links.send(Outgoing { from: self.pid.clone(), to: self.executor.clone(), encode });
    }

    /// Takes the executor in.
    fn admit(&mut self, capabilities: Vec<v1::framework_info::Capability>) {
        let register: internal::RegisterExecutorMessage = self.hear();
        assert_eq!((register.framework_id.value.as_str(), register.executor_id.value.as_str()), ("f1", "t1"));
        self.say(internal::ExecutorRegisteredMessage {
            executor_info: Box::new(v1::ExecutorInfo { executor_id: "t1".into(), ..Default::default() }),
            framework_id: "f1".into(),
            framework_info: Box::new(v1::FrameworkInfo { capabilities, ..Default::default() }),
            agent_id: "S0".into(),
            agent_info: Box::default(),
            ..Default::default()
        });
    }

    fn run(&mut self, task: v1::TaskInfo) {
        self.say(internal::RunTaskMessage { task: Box::new(task), ..Default::default() });
    }

    fn kill(&mut self, grace: Option<Duration>) {
        let grace_period = grace
            .map(|grace| v1::DurationInfo { nanoseconds: grace.as_nanos() as i64, ..Default::default() });
        self.say(internal::KillTaskMessage {
            framework_id: "f1".into(),
            task_id: "t1".into(),
            kill_policy: Some(v1::KillPolicy { grace_period, ..Default::default() }),
            ..Default::default()
        });
    }

    /// The next update, which is not acknowledged.
    fn update(&mut self) -> v1::TaskStatus {
        let message: internal::StatusUpdateMessage = self.hear();
        let (update, pid) = (message.update, message.pid.unwrap());
        assert_eq!(pid, self.executor.to_string());
        assert_eq!(update.uuid, update.status.uuid);
        assert_eq!(update.agent_id.unwrap().value, "S0");
        assert_eq!(update.status.source, Some(v1::task_status::Source::SourceExecutor));
        *update.status
    }

    fn acknowledge(&mut self, status: &v1::TaskStatus) {
        self.say(internal::StatusUpdateAcknowledgementMessage {
            agent_id: "S0".into(),
            framework_id: "f1".into(),
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap(),
            ..Default::default()
        });
    }

    fn expect(&mut self, state: v1::TaskState) -> v1::TaskStatus {
        let status = self.update();
        assert_eq!(status.state, state, "{status:?}");
        self.acknowledge(&status);
        status
    }

    fn running(&mut self) {
        self.expect(v1::TaskState::TaskStarting);
        self.expect(v1::TaskState::TaskRunning);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An executor in a sandbox of its own; what is left of it ends with this.
struct Executor {
    child: Child,
    sandbox: Folder,
}

impl Executor {
    fn start(agent: &Agent, variables: &[(&str, &str)]) -> Executor {
        let sandbox = Folder::new();
        let file = |name: &str| std::fs::File::create(sandbox.path().join(name)).unwrap();
        let child = Command::new(binary())
            .args(["executor", "--launcher_dir=/usr/libexec/mesos"])
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("MESOS_FRAMEWORK_ID", "f1"), ("MESOS_EXECUTOR_ID", "t1")])
            .env("MESOS_SLAVE_PID", agent.pid.to_string())
            .env("MESOS_AGENT_ENDPOINT", agent.pid.address().to_string())
            .env("MESOS_DIRECTORY", sandbox.path())
            .envs([("LIBPROCESS_IP", "127.0.0.1"), ("LIBPROCESS_PORT", "0"), ("MESOS_CHECKPOINT", "0")])
            .envs(variables.iter().copied())
            .current_dir(sandbox.path())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap();
        Executor { child, sandbox }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.sandbox.path().join(name)).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u32 {
        eventually("a number from a script", || self.read(name).trim().parse::<u32>().is_ok());
        self.read(name).trim().parse().unwrap()
    }

    fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end: {}", self.read("stderr"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

fn task(script: &str) -> v1::TaskInfo {
    let variable = v1::environment::Variable {
        name: "GREETING".into(),
        value: Some("hello".into()),
        ..Default::default()
    };
    let environment = Some(v1::Environment { variables: vec![variable], ..Default::default() });
    let value = Some(script.to_string());
    v1::TaskInfo {
        task_id: "t1".into(),
        agent_id: "S0".into(),
        command: Some(Box::new(v1::CommandInfo { value, environment, ..Default::default() })),
        ..Default::default()
    }
}

fn lives(pid: u32) -> bool {
    let stat =
        std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_task_runs_to_its_end() {
    let mut agent = Agent::new();
    let mut executor = Executor::start(&agent, &[]);
    agent.admit(Vec::new());
    agent.run(task("echo $GREETING $MESOS_EXECUTOR_ID; echo err >&2; exit 3"));
    agent.running();
    let end = agent.update();
    assert_eq!(
        (end.state, end.message.as_deref()),
        (v1::TaskState::TaskFailed, Some("Command exited with status 3"))
    );
    std::thread::sleep(Duration::from_millis(200));
    assert!(executor.child.try_wait().unwrap().is_none(), "its last update is not acknowledged yet");
    agent.acknowledge(&end);
    assert!(executor.ended().success());
    assert_eq!(executor.read("stdout"), "hello t1\n");
    assert!(executor.read("stderr").contains("err\n"));
}

#[test]
fn a_kill_is_followed_by_sigkill_and_leaves_nothing() {
    let mut agent = Agent::new();
    let mut executor = Executor::start(&agent, &[]);
    let killing = v1::framework_info::Capability {
        r#type: Some(v1::framework_info::capability::Type::TaskKillingState),
        ..Default::default()
    };
    agent.admit(vec![killing]);
    agent.run(task(
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ >child; sleep 1000' & echo $$ >self; while :; do wait; sleep 1; done",
    ));
    agent.running();
    let pids = [executor.number("self"), executor.number("child")];
    let begun = Instant::now();
    agent.kill(Some(Duration::from_millis(500)));
    agent.expect(v1::TaskState::TaskKilling);
    let end = agent.expect(v1::TaskState::TaskKilled);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(500) && took < Duration::from_millis(2500), "{took:?}");
    assert_eq!(end.message.as_deref(), Some("Command terminated with signal Killed"));
    assert!(executor.ended().success());
    eventually("nothing is left", || !pids.iter().any(|pid| lives(*pid)));
}

#[test]
fn an_unhealthy_task_is_killed() {
    let mut agent = Agent::new();
    let mut executor = Executor::start(&agent, &[]);
    agent.admit(Vec::new());
    let command =
        v1::CommandInfo { value: Some("test $GREETING = hello && exit 7".into()), ..Default::default() };
    let health_check = v1::HealthCheck {
        r#type: Some(v1::health_check::Type::Command),
        command: Some(Box::new(command)),
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.1),
        grace_period_seconds: Some(0.0),
        consecutive_failures: Some(2),
        ..Default::default()
    };
    agent.run(v1::TaskInfo { health_check: Some(Box::new(health_check)), ..task("sleep 1000") });
    agent.running();
    for _ in 0..2 {
        let status = agent.expect(v1::TaskState::TaskRunning);
        assert_eq!(status.healthy, Some(false));
        assert_eq!(status.reason, Some(v1::task_status::Reason::ReasonTaskHealthCheckStatusUpdated));
    }
    let end = agent.expect(v1::TaskState::TaskKilled);
    assert_eq!(
        (end.healthy, end.message.as_deref()),
        (Some(false), Some("Command terminated with signal Terminated"))
    );
    assert!(executor.ended().success());
}

#[test]
fn without_checkpoints_all_ends_with_the_agent() {
    let mut agent = Agent::new();
    let mut executor = Executor::start(&agent, &[]);
    agent.admit(Vec::new());
    agent.run(task("echo $$ >self; sleep 1000"));
    agent.running();
    let pid = executor.number("self");
    drop(agent);
    executor.ended();
    eventually("the task ends", || !lives(pid));
}

#[test]
fn an_agent_that_returns_is_told_all_again() {
    let mut agent = Agent::new();
    let variables = [("MESOS_CHECKPOINT", "1"), ("MESOS_RECOVERY_TIMEOUT", "15mins")];
    let mut executor = Executor::start(&agent, &variables);
    agent.admit(Vec::new());
    agent.run(task("until [ -e go ]; do sleep 0.01; done"));
    let starting = agent.update();
    let running = agent.update();
    let address = agent.executor.clone();
    drop(agent);
    let mut next = Agent::new();
    next.executor = address;
    next.say(internal::ReconnectExecutorMessage { agent_id: "S0".into(), ..Default::default() });
    let again: internal::ReregisterExecutorMessage = next.hear();
    assert_eq!(again.tasks.iter().map(|task| task.task_id.value.as_str()).collect::<Vec<_>>(), ["t1"]);
    let uuids: Vec<_> = again.updates.iter().map(|update| update.status.uuid.clone()).collect();
    assert_eq!(uuids, [starting.uuid.clone(), running.uuid.clone()]);
    next.say(internal::ExecutorReregisteredMessage {
        agent_id: "S0".into(),
        agent_info: Box::default(),
        ..Default::default()
    });
    [starting, running].iter().for_each(|status| next.acknowledge(status));
    std::fs::write(executor.sandbox.path().join("go"), "").unwrap();
    next.expect(v1::TaskState::TaskFinished);
    assert!(executor.ended().success());
}

#[test]
fn a_shutdown_ends_the_task_or_the_wait_for_one() {
    let mut agent = Agent::new();
    let mut executor = Executor::start(&agent, &[]);
    agent.admit(Vec::new());
    agent.run(task("sleep 1000"));
    agent.running();
    agent.say(internal::ShutdownExecutorMessage::default());
    agent.expect(v1::TaskState::TaskKilled);
    assert!(executor.ended().success());

    let mut agent = Agent::new();
    let mut executor = Executor::start(&agent, &[]);
    agent.admit(Vec::new());
    agent.say(internal::ShutdownExecutorMessage::default());
    assert!(executor.ended().success());
}

#[test]
fn what_cannot_be_had_is_refused() {
    let agent = Agent::new();
    let output = Command::new(binary())
        .args(["executor", "--rootfs=/images/x"])
        .env_clear()
        .env("MESOS_SLAVE_PID", agent.pid.to_string())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--rootfs=/images/x' cannot be had"));
}
