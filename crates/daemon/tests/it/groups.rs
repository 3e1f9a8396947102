// SPDX-License-Identifier: Apache-2.0

//! The executor of task groups as a process, whose agent runs the containers.

use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use kaon_api::libprocess::Message as Envelope;
use kaon_api::v1;
use kaon_api::v1::agent::call::Type;
use kaon_api::v1::executor::{Event, event};
use kaon_api::wire::Message;
use kaon_daemon::http::{Body, Delivery, Limits, Request, Response, Service, serve, stream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::daemon::binary;
use crate::support::Folder;

/// Bound: more than any test sends.
const BOUNDS: stream::Bounds =
    stream::Bounds { records: 64, bytes: 64, patience: Duration::from_secs(10), shared: 64 << 10 };

const PATIENCE: Duration = Duration::from_secs(30);

/// An agent whose containers do what the test says.
struct Host {
    events: Mutex<Option<stream::Writer<Event>>>,
    updates: Mutex<mpsc::Sender<v1::TaskStatus>>,
    /// By id: the signals that a container got, and its end.
    containers: Mutex<BTreeMap<String, Container>>,
    /// Launches of commands of this text are refused.
    refused: &'static str,
}

struct Container {
    launch: v1::agent::call::LaunchContainer,
    signals: Vec<i32>,
    end: watch::Sender<Option<i32>>,
}

fn ok<M: Message>(message: &M) -> Response {
    Response::new(StatusCode::OK, message.encode())
}

impl Service for Host {
    async fn message(&self, _: Envelope) -> Delivery {
        Delivery::NoActor
    }

    async fn request(&self, request: Request) -> Response {
        match request.path() {
            "/api/v1/executor" => self.executor(&request),
            "/api/v1" => self.operator(&request).await,
            _ => Response::plain(StatusCode::NOT_FOUND),
        }
    }
}

impl Host {
    fn executor(&self, request: &Request) -> Response {
        let call = v1::executor::Call::decode(&request.body).unwrap();
        assert_eq!((call.framework_id.value.as_str(), call.executor_id.value.as_str()), ("f1", "e1"));
        if let Some(update) = call.update {
            let acknowledged = event::Acknowledged {
                task_id: update.status.task_id.clone(),
                uuid: update.status.uuid.clone().unwrap(),
                ..Default::default()
            };
            self.updates.lock().unwrap().send(*update.status).unwrap();
            self.say(Event {
                r#type: Some(event::Type::Acknowledged),
                acknowledged: Some(acknowledged),
                ..Default::default()
            });
            return Response::accepted();
        }
        let (writer, records) = stream::open(BOUNDS, |event: &Event| event.encode());
        let mut response = Response::new(StatusCode::OK, Vec::new());
        response.body = Body::Stream(records);
        *self.events.lock().unwrap() = Some(writer);
        let container = v1::ContainerID { value: "c0".into(), ..Default::default() };
        let subscribed = event::Subscribed { container_id: Some(Box::new(container)), ..Default::default() };
        self.say(Event {
            r#type: Some(event::Type::Subscribed),
            subscribed: Some(Box::new(subscribed)),
            ..Default::default()
        });
        response
    }

    fn say(&self, event: Event) {
        let events = self.events.lock().unwrap();
        // An executor that has ended hears no more.
        let _ended = events.as_ref().map(|events| events.send(event, 1));
    }

    async fn operator(&self, request: &Request) -> Response {
        let call = v1::agent::Call::decode(&request.body).unwrap();
        // Mesos: refused where the answer is no stream.
        assert!(request.header("message-accept").is_none());
        match call.r#type {
            Some(Type::LaunchContainer) => {
                let launch = *call.launch_container.unwrap();
                let command = launch.command.as_ref().and_then(|command| command.value.clone());
                if command.as_deref() == Some(self.refused) {
                    return Response::text(StatusCode::BAD_REQUEST, "no such image");
                }
                let id = launch.container_id.value.clone();
                let container = Container { launch, signals: Vec::new(), end: watch::Sender::new(None) };
                self.containers.lock().unwrap().insert(id, container);
                Response::ok()
            }
            Some(Type::WaitNestedContainer) => {
                let id = call.wait_nested_container.unwrap().container_id.value.clone();
                let ended =
                    self.containers.lock().unwrap().get(&id).map(|container| container.end.subscribe());
                let Some(mut ended) = ended else { return Response::plain(StatusCode::NOT_FOUND) };
                let exit_status = *ended.wait_for(Option::is_some).await.unwrap();
                let waited = v1::agent::response::WaitNestedContainer { exit_status, ..Default::default() };
                ok(&v1::agent::Response { wait_nested_container: Some(waited), ..Default::default() })
            }
            Some(Type::KillNestedContainer) => {
                let kill = call.kill_nested_container.unwrap();
                let mut containers = self.containers.lock().unwrap();
                let container = containers.get_mut(&kill.container_id.value).unwrap();
                container.signals.push(kill.signal.unwrap());
                // Containers whose command says so do not listen to SIGTERM.
                let stubborn =
                    container.launch.command.as_ref().unwrap().value.as_deref() == Some("stubborn");
                if !stubborn || kill.signal == Some(9) {
                    container.end.send_replace(kill.signal);
                }
                Response::ok()
            }
            other => panic!("{other:?}"),
        }
    }
}

/// An executor under such an agent; it ends with this.
struct Scene {
    host: Arc<Host>,
    updates: mpsc::Receiver<v1::TaskStatus>,
    child: Child,
    sandbox: Folder,
    _runtime: Runtime,
}

impl Scene {
    fn new() -> Scene {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, updates) = mpsc::channel();
        let host = Arc::new(Host {
            events: Mutex::default(),
            updates: Mutex::new(sender),
            containers: Mutex::default(),
            refused: "refused",
        });
        runtime.spawn(serve(listener, host.clone(), Limits::default()));
        let sandbox = Folder::new();
        let child = Command::new(binary())
            .args(["default-executor", "--launcher_dir=/usr/libexec/mesos"])
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("MESOS_FRAMEWORK_ID", "f1"), ("MESOS_EXECUTOR_ID", "e1")])
            .env("MESOS_AGENT_ENDPOINT", address.to_string())
            .env("MESOS_DIRECTORY", sandbox.path())
            .current_dir(sandbox.path())
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(sandbox.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let scene = Scene { host, updates, child, sandbox, _runtime: runtime };
        crate::support::eventually("the executor subscribes", || scene.host.events.lock().unwrap().is_some());
        scene
    }

    fn launch(&self, tasks: &[(&str, &str)]) {
        let task = |(id, command): &(&str, &str)| v1::TaskInfo {
            task_id: (*id).into(),
            command: Some(Box::new(v1::CommandInfo {
                value: Some(command.to_string()),
                ..Default::default()
            })),
            kill_policy: Some(v1::KillPolicy {
                grace_period: Some(v1::DurationInfo { nanoseconds: 300_000_000, ..Default::default() }),
                ..Default::default()
            }),
            ..Default::default()
        };
        let task_group = v1::TaskGroupInfo { tasks: tasks.iter().map(task).collect(), ..Default::default() };
        let launch = event::LaunchGroup { task_group, ..Default::default() };
        self.host.say(Event {
            r#type: Some(event::Type::LaunchGroup),
            launch_group: Some(launch),
            ..Default::default()
        });
    }

    /// The next updates, each as a line, sorted: tasks do not wait for each other.
    fn updates<const N: usize>(&self) -> [String; N] {
        let mut lines: Vec<String> = (0..N)
            .map(|_| {
                use kaon_api::wire::Enumeration;
                let status = self.updates.recv_timeout(PATIENCE).expect("an update comes in time");
                let container = status.container_status.as_ref().and_then(|own| own.container_id.as_ref());
                let parent = container.and_then(|own| own.parent.as_ref());
                assert_eq!(parent.map(|parent| parent.value.as_str()), Some("c0"), "{status:?}");
                let message = status.message.map(|message| format!(": {message}")).unwrap_or_default();
                format!("{} {}{message}", status.task_id.value, status.state.name())
            })
            .collect();
        lines.sort();
        lines.try_into().unwrap()
    }

    /// The container that runs this command.
    fn with<T>(&self, command: &str, look: impl Fn(&Container) -> T) -> T {
        let containers = self.host.containers.lock().unwrap();
        let mut all = containers.values();
        let runs = |container: &&Container| {
            container.launch.command.as_ref().unwrap().value.as_deref() == Some(command)
        };
        look(all.find(runs).unwrap_or_else(|| panic!("nothing runs {command}")))
    }

    fn end(&self, command: &str, status: i32) {
        self.with(command, |container| container.end.send_replace(Some(status)));
    }

    fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn groups_live_and_die_apart() {
    let mut scene = Scene::new();
    scene.launch(&[("a", "one"), ("b", "stubborn")]);
    let begun = ["a TASK_RUNNING", "a TASK_STARTING", "b TASK_RUNNING", "b TASK_STARTING"];
    assert_eq!(scene.updates(), begun);
    scene.launch(&[("x", "other")]);
    assert_eq!(scene.updates(), ["x TASK_RUNNING", "x TASK_STARTING"]);
    let sandbox = scene.sandbox.path();
    let target = std::fs::read_link(sandbox.join("tasks/a")).unwrap();
    let id = scene.with("one", |container| container.launch.container_id.value.clone());
    assert_eq!(target, sandbox.join("containers").join(id));
    let ip = scene.with("one", |container| {
        let variables = container.launch.command.as_ref().unwrap().environment.clone().unwrap().variables;
        variables.into_iter().find(|variable| variable.name == "MESOS_CONTAINER_IP").unwrap().value
    });
    assert_eq!(ip.as_deref(), Some("127.0.0.1"));

    // One fails: its group is ended, with its own grace before SIGKILL, and no other.
    let begun = Instant::now();
    scene.end("one", 7 << 8);
    assert_eq!(scene.updates(), ["a TASK_FAILED: Command exited with status 7"]);
    assert_eq!(scene.updates(), ["b TASK_KILLED: Command terminated with signal Killed"]);
    assert!(begun.elapsed() >= Duration::from_millis(300) && begun.elapsed() < Duration::from_millis(1500));
    assert_eq!(scene.with("stubborn", |container| container.signals.clone()), [15, 9]);
    assert!(scene.child.try_wait().unwrap().is_none());
    scene.end("other", 0);
    assert_eq!(scene.updates(), ["x TASK_FINISHED: Command exited with status 0"]);
    assert!(scene.ended().success(), "nothing is left to be done");
}

#[test]
fn a_container_that_is_refused_fails_its_task_and_ends_its_group() {
    let mut scene = Scene::new();
    scene.launch(&[("a", "refused"), ("b", "one")]);
    let mut lines = Vec::new();
    while !lines.iter().any(|line: &String| line.starts_with("b TASK_KILLED")) {
        let [line] = scene.updates();
        lines.push(line);
    }
    assert!(lines.contains(&"a TASK_FAILED: no such image".to_string()), "{lines:?}");
    assert!(scene.ended().success());
}

#[test]
fn a_kill_ends_the_group_and_a_shutdown_all() {
    let scene = Scene::new();
    scene.launch(&[("a", "one"), ("b", "two")]);
    scene.updates::<4>();
    let kill = event::Kill { task_id: "a".into(), ..Default::default() };
    scene.host.say(Event { r#type: Some(event::Type::Kill), kill: Some(kill), ..Default::default() });
    let end = "TASK_KILLED: Command terminated with signal Terminated";
    assert_eq!(scene.updates(), [format!("a {end}"), format!("b {end}")]);

    let mut scene = Scene::new();
    scene.launch(&[("a", "one")]);
    scene.updates::<2>();
    scene.launch(&[("x", "two")]);
    scene.updates::<2>();
    scene.host.say(Event { r#type: Some(event::Type::Shutdown), ..Default::default() });
    assert_eq!(scene.updates(), [format!("a {end}"), format!("x {end}")]);
    assert!(scene.ended().success());
}
