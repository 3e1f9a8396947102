// SPDX-License-Identifier: Apache-2.0

//! The words of a scene.
//!
//! ```text
//! start | restart | reboot | crash    an agent on what lies on the disk; the one before it was killed
//! describe host8 | resources cpus:1 | recover cleanup | policy additive
//!                                     the agent's configuration, from the next start on
//! framework f1 [checkpoint] [aware] [killing]
//! leader [10.0.0.1:5050] | no leader | exited 10.0.0.1:5050 | ping [disconnected] [spread=20]
//! registered S0 | reregistered S0 [f1 t9]
//! run f1 t1 [executor=e1] [cmd=sleep] [grace=5] [max=60] [launch=true] [agent=S1] [stale] [user=bob] [limits=cpus]
//!     [check=80 | check=script] [health=80 | health=script]      a TCP check of that port, or a command
//! looked check|health c1 1 0 | true | failed why
//!     [volume=60:v]       with the words of `operations.rs`
//! group f1 e1 t1,t2 [custom] [launch=true] [hostname=h] [own-volume=60:v]     the executor's own
//! kill f1 t1 [2] | ack f1 t1 [u3 | wrong] | from 10.0.0.9:5050 <any of the master's messages>
//! update-framework f1 | shutdown-framework f1 | shutdown-executor f1 e1 | message f1 e1 text | shutdown why
//! vanish c1                           its launch had not begun when the agent died
//! launched c1 123 | failed c1 text | exit c1 0 | exit c1 signal 9 | exit c1 unknown
//! limit c1 memory|disk|other|switchboard|preempted|update [of=disk:10] why
//! tell updates                        before the start: the shell hears what executors hold
//! subscribe s1 f1 e1 [holds t1] | update f1 e1 t1 TASK_RUNNING 7 | say f1 e1 text | heartbeat | closed s1
//! driver e1 register f1 e1 | driver e1 reregister f1 e1 [t1] | driver e1 update f1 e1 t1 TASK_RUNNING 7
//! driver e1 say f1 e1 text            from executor(e1)@10.0.0.7:6000
//! credential tim secret               before the start
//! session mechanisms CRAM-MD5 | session step <challenge> | session completed | session failed | session error why
//! hold | release | disk full | disk room
//! drain [grace=5] [gone]
//! advance 5 | leave | stop | environment
//! ```

use std::time::Duration;

use kaon_agent::config::{ReconfigurationPolicy, Recover};
use kaon_agent::effect::Which;
use kaon_agent::input::{CheckOutcome, ContainerEvent, Input, Limit, Look, PeerMessage, Stream, Ticket};
use kaon_api::libprocess::Upid;
use kaon_api::wire::Enumeration;
use kaon_api::{internal, v1};
use kaon_model::{Credential, Secret, Uuid};
use v1::executor::{Call, call};
use v1::framework_info::capability::Type as Capability;

use crate::scene::World;

pub fn run(world: &mut World, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["start"] | ["restart"] => world.start(),
        ["crash"] => world.crash(0),
        ["reboot"] => {
            world.containers.clear();
            world.config.boot_id += "'";
            world.start();
        }
        ["resources", resources] => {
            let resources = kaon_model::parse_list(resources, &kaon_model::Role::star());
            world.config.info.resources = resources.unwrap();
        }
        ["vanish", container] => {
            let container = world.names.resolve(container);
            world.containers.remove(&container);
        }
        ["recover", "cleanup"] => world.config.recover = Recover::Cleanup,
        ["recover", "reconnect"] => world.config.recover = Recover::Reconnect,
        ["policy", "additive"] => {
            world.config.reconfiguration_policy = ReconfigurationPolicy::Additive;
        }
        ["describe", hostname] => world.config.info.hostname = hostname.to_string(),
        ["framework", id, ref rest @ ..] => {
            drop(world.frameworks.insert(id.to_string(), framework(id, rest)))
        }
        ["advance", seconds] => world.advance(Duration::from_secs_f64(seconds.parse().unwrap())),
        ["credential", principal, secret] => {
            let (principal, secret) = (principal.to_string(), Secret::new(secret));
            world.config.credential = Some(Credential { principal, secret });
        }
        ["driver", driver, ref rest @ ..] => {
            let from = format!("executor({driver})@10.0.0.7:6000").parse().unwrap();
            let message = Box::new(driver_message(rest));
            world.input(Input::Message { from, message });
        }
        ["session", ref rest @ ..] => {
            let from = "crammd5-authenticator-session(1)@10.0.0.1:5050".parse().unwrap();
            let message = Box::new(session_message(rest));
            world.input(Input::Message { from, message });
        }
        ["hold"] => {
            world.held.get_or_insert_default();
        }
        ["release"] => world.release(),
        ["disk", "full"] => {
            world.held.get_or_insert_default();
            world.input(Input::Disk { problem: Some("no space left".to_string()) });
        }
        ["disk", "room"] => {
            world.input(Input::Disk { problem: None });
            world.release();
        }
        ["environment"] => {
            let lines: Vec<String> =
                world.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
            lines.into_iter().for_each(|line| {
                let named = line.split('/').map(|part| {
                    if Uuid::parse(part).is_ok() { world.names.container(part) } else { part.to_string() }
                });
                let line = named.collect::<Vec<_>>().join("/");
                world.say(line);
            });
        }
        ["tell", "updates"] => world.config.tells_updates = true,
        ["launched" | "failed" | "exit" | "limit", ..] => container(world, &words),
        ["from", from, ref rest @ ..] => {
            let message = message(world, rest);
            send(world, &format!("master@{from}"), message);
        }
        _ => match input(world, &words) {
            Some(input) => world.input(input),
            None => {
                let message = message(world, &words);
                send(world, "master@10.0.0.1:5050", message);
            }
        },
    }
}

fn send(world: &mut World, from: &str, message: PeerMessage) {
    let from: Upid = from.parse().unwrap();
    world.input(Input::Message { from, message: Box::new(message) });
}

fn container(world: &mut World, words: &[&str]) {
    let container = world.names.resolve(words[1]);
    let event = match words {
        ["launched", _, pid] => ContainerEvent::Launched { pid: pid.parse().unwrap() },
        ["failed", _, text @ ..] => ContainerEvent::LaunchFailed { message: text.join(" ") },
        ["exit", _, "unknown"] => ContainerEvent::Exited { status: None },
        ["exit", _, "signal", signal] => ContainerEvent::Exited { status: Some(signal.parse().unwrap()) },
        ["exit", _, code] => ContainerEvent::Exited { status: Some(code.parse::<i32>().unwrap() << 8) },
        ["limit", _, limit, rest @ ..] => limitation(limit, rest),
        _ => panic!("{words:?}"),
    };
    world.container_event(container, event);
}

fn limitation(limit: &str, rest: &[&str]) -> ContainerEvent {
    let limit = match limit {
        "memory" => Limit::Memory,
        "disk" => Limit::Disk,
        "other" => Limit::Other,
        "switchboard" => Limit::IoSwitchboard,
        "preempted" => Limit::Preempted,
        "update" => Limit::UpdateFailed,
        _ => panic!("no such limit: {limit}"),
    };
    let (of, why): (Vec<_>, Vec<_>) = rest.iter().copied().partition(|word| word.starts_with("of="));
    let resources = option(&of, "of")
        .map(|text| kaon_model::parse_list(text, &kaon_model::Role::star()).unwrap())
        .unwrap_or_default();
    ContainerEvent::Limitation { limit, message: why.join(" "), resources }
}

fn input(world: &mut World, words: &[&str]) -> Option<Input> {
    let stream = |name: &str| Stream(name[1..].parse().unwrap());
    Some(match words {
        ["no", "leader"] => Input::Leader { master: None },
        ["leader"] => leader("10.0.0.1:5050"),
        ["leader", address] => leader(address),
        ["exited", address] => Input::Exited { peer: address.parse().unwrap() },
        ["leave"] => Input::Leave,
        ["stop"] => Input::Stop,
        ["closed", name] => Input::StreamClosed { stream: stream(name) },
        ["subscribe", name, framework, executor, rest @ ..] => {
            let held = rest.iter().filter(|word| **word != "holds");
            let tasks = held.map(|task| v1::TaskInfo { task_id: (*task).into(), ..Default::default() });
            let subscribe = call::Subscribe { unacknowledged_tasks: tasks.collect(), ..Default::default() };
            let call = Call {
                subscribe: Some(subscribe),
                ..executor_call(framework, executor, call::Type::Subscribe)
            };
            Input::Subscribe { stream: stream(name), call: Box::new(call) }
        }
        ["update", framework, executor, task, state, identity] => {
            let status = v1::TaskStatus {
                task_id: (*task).into(),
                state: v1::TaskState::from_name(state).unwrap(),
                source: Some(v1::task_status::Source::SourceExecutor),
                uuid: Some(Uuid::from_random([identity.parse().unwrap(); 16]).to_vec()),
                ..Default::default()
            };
            let update = call::Update { status: Box::new(status), ..Default::default() };
            let call =
                Call { update: Some(update), ..executor_call(framework, executor, call::Type::Update) };
            with_ticket(world, call)
        }
        ["say", framework, executor, text] => {
            let message = call::Message { data: text.as_bytes().to_vec(), ..Default::default() };
            let call =
                Call { message: Some(message), ..executor_call(framework, executor, call::Type::Message) };
            with_ticket(world, call)
        }
        ["looked", rest @ ..] => looked(world, rest),
        ["heartbeat"] => with_ticket(world, executor_call("unused", "unused", call::Type::Heartbeat)),
        _ => return None,
    })
}

fn driver_message(words: &[&str]) -> PeerMessage {
    let update = |framework: &str, executor: &str, task: &str, state: &str, digit: &str| {
        let status = v1::TaskStatus {
            task_id: task.into(),
            state: v1::TaskState::from_name(state).unwrap(),
            ..Default::default()
        };
        internal::StatusUpdate {
            framework_id: framework.into(),
            executor_id: Some(executor.into()),
            status: Box::new(status),
            timestamp: 7.0,
            uuid: Some(Uuid::from_random([digit.parse().unwrap(); 16]).to_vec()),
            ..Default::default()
        }
    };
    match *words {
        ["register", framework, executor] => {
            PeerMessage::RegisterExecutor(internal::RegisterExecutorMessage {
                framework_id: framework.into(),
                executor_id: executor.into(),
                ..Default::default()
            })
        }
        ["reregister", framework, executor, ref tasks @ ..] => {
            let known = |task: &&str| v1::TaskInfo { task_id: (*task).into(), ..Default::default() };
            PeerMessage::ReregisterExecutor(internal::ReregisterExecutorMessage {
                framework_id: framework.into(),
                executor_id: executor.into(),
                tasks: tasks.iter().map(known).collect(),
                updates: tasks
                    .iter()
                    .map(|task| update(framework, executor, task, "TASK_RUNNING", "8"))
                    .collect(),
                ..Default::default()
            })
        }
        ["update", framework, executor, task, state, digit] => {
            PeerMessage::StatusUpdate(internal::StatusUpdateMessage {
                update: Box::new(update(framework, executor, task, state, digit)),
                ..Default::default()
            })
        }
        ["say", framework, executor, text] => {
            PeerMessage::ExecutorToFramework(internal::ExecutorToFrameworkMessage {
                framework_id: framework.into(),
                executor_id: executor.into(),
                data: text.as_bytes().to_vec(),
                ..Default::default()
            })
        }
        _ => panic!("no such message of a driver: {words:?}"),
    }
}

fn session_message(words: &[&str]) -> PeerMessage {
    match *words {
        ["mechanisms", ref mechanisms @ ..] => {
            let mechanisms = mechanisms.iter().map(|name| name.to_string()).collect();
            PeerMessage::AuthenticationMechanisms(internal::AuthenticationMechanismsMessage {
                mechanisms,
                ..Default::default()
            })
        }
        ["step", challenge] => PeerMessage::AuthenticationStep(internal::AuthenticationStepMessage {
            data: challenge.as_bytes().to_vec(),
            ..Default::default()
        }),
        ["completed"] => PeerMessage::AuthenticationCompleted(Default::default()),
        ["failed"] => PeerMessage::AuthenticationFailed(Default::default()),
        ["error", ref why @ ..] => PeerMessage::AuthenticationError(internal::AuthenticationErrorMessage {
            error: Some(why.join(" ")),
            ..Default::default()
        }),
        _ => panic!("no such message of a session: {words:?}"),
    }
}

fn with_ticket(world: &mut World, call: Call) -> Input {
    world.tickets += 1;
    Input::Call { ticket: Ticket(world.tickets), call: Box::new(call) }
}

fn executor_call(framework: &str, executor: &str, kind: call::Type) -> Call {
    let (executor_id, framework_id) = (executor.into(), framework.into());
    Call { executor_id, framework_id, r#type: Some(kind), ..Default::default() }
}

fn leader(address: &str) -> Input {
    let info = v1::MasterInfo {
        id: "M".to_string(),
        hostname: Some("master-host".to_string()),
        pid: Some(format!("master@{address}")),
        ..Default::default()
    };
    Input::Leader { master: Some(Box::new(info)) }
}

fn framework(id: &str, options: &[&str]) -> v1::FrameworkInfo {
    let mut capabilities = Vec::new();
    for (word, kind) in [("aware", Capability::PartitionAware), ("killing", Capability::TaskKillingState)] {
        if options.contains(&word) {
            capabilities.push(v1::framework_info::Capability { r#type: Some(kind), ..Default::default() });
        }
    }
    v1::FrameworkInfo {
        user: "alice".to_string(),
        name: format!("framework {id}"),
        id: Some(id.into()),
        checkpoint: Some(options.contains(&"checkpoint")),
        capabilities,
        ..Default::default()
    }
}

fn message(world: &World, words: &[&str]) -> PeerMessage {
    if let Some(message) = crate::operations::message(world, words) {
        return message;
    }
    match *words {
        ["ping", ref rest @ ..] => PeerMessage::Ping(internal::PingAgentMessage {
            connected: !rest.contains(&"disconnected"),
            kaon_return_spread_seconds: rest
                .iter()
                .find_map(|word| word.strip_prefix("spread="))
                .map(|seconds| seconds.parse().unwrap()),
            ..Default::default()
        }),
        ["registered", id] => PeerMessage::Registered(internal::AgentRegisteredMessage {
            agent_id: id.into(),
            ..Default::default()
        }),
        ["reregistered", id, ref rest @ ..] => {
            PeerMessage::Reregistered(internal::AgentReregisteredMessage {
                agent_id: id.into(),
                reconciliations: rest.chunks(2).map(|pair| reconciliation(world, pair[0], pair[1])).collect(),
                ..Default::default()
            })
        }
        ["run", framework, task, ref options @ ..] => run_task(world, framework, task, options),
        ["group", framework, executor, tasks, ref options @ ..] => {
            run_group(world, framework, executor, tasks, options)
        }
        ["kill", framework, task, ref rest @ ..] => PeerMessage::KillTask(internal::KillTaskMessage {
            framework_id: framework.into(),
            task_id: task.into(),
            kill_policy: rest.first().map(|seconds| policy(seconds)),
            ..Default::default()
        }),
        ["ack", framework, task, ref rest @ ..] => {
            let uuid = match rest.first() {
                Some(&"wrong") => vec![9; 16],
                Some(name) => Uuid::parse(world.names.resolve(name).as_str()).unwrap().to_vec(),
                None => world.sent[task].clone(),
            };
            PeerMessage::StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage {
                framework_id: framework.into(),
                task_id: task.into(),
                uuid,
                ..Default::default()
            })
        }
        ["update-framework", framework] => PeerMessage::UpdateFramework(internal::UpdateFrameworkMessage {
            framework_id: framework.into(),
            framework_info: Some(Box::new(world.frameworks[framework].clone())),
            ..Default::default()
        }),
        ["shutdown-framework", framework] => {
            PeerMessage::ShutdownFramework(internal::ShutdownFrameworkMessage {
                framework_id: framework.into(),
                ..Default::default()
            })
        }
        ["shutdown-executor", framework, executor] => {
            PeerMessage::ShutdownExecutor(internal::ShutdownExecutorMessage {
                framework_id: Some(framework.into()),
                executor_id: Some(executor.into()),
                ..Default::default()
            })
        }
        ["message", framework, executor, text] => {
            PeerMessage::FrameworkToExecutor(internal::FrameworkToExecutorMessage {
                framework_id: framework.into(),
                executor_id: executor.into(),
                data: text.as_bytes().to_vec(),
                ..Default::default()
            })
        }
        ["drain", ref options @ ..] => PeerMessage::DrainAgent(internal::DrainAgentMessage {
            config: v1::DrainConfig {
                max_grace_period: option(options, "grace").map(seconds),
                mark_gone: Some(options.contains(&"gone")),
                ..Default::default()
            },
            ..Default::default()
        }),
        ["shutdown", ref why @ ..] => PeerMessage::Shutdown(internal::ShutdownMessage {
            message: Some(why.join(" ")),
            ..Default::default()
        }),
        _ => panic!("no such input: {words:?}"),
    }
}

fn reconciliation(world: &World, framework: &str, task: &str) -> internal::ReconcileTasksMessage {
    let status = v1::TaskStatus { task_id: task.into(), ..Default::default() };
    internal::ReconcileTasksMessage {
        framework_id: framework.into(),
        statuses: vec![status],
        framework: Some(Box::new(world.frameworks[framework].clone())),
        ..Default::default()
    }
}

fn option<'a>(options: &[&'a str], name: &str) -> Option<&'a str> {
    options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
}

fn seconds(text: &str) -> v1::DurationInfo {
    v1::DurationInfo { nanoseconds: (text.parse::<f64>().unwrap() * 1e9) as i64, ..Default::default() }
}

fn policy(text: &str) -> v1::KillPolicy {
    v1::KillPolicy { grace_period: Some(seconds(text)), ..Default::default() }
}

fn executor(id: &str, framework: &str, kind: v1::executor_info::Type) -> v1::ExecutorInfo {
    let custom = kind == v1::executor_info::Type::Custom;
    let command = v1::CommandInfo { value: Some("./executor".to_string()), ..Default::default() };
    v1::ExecutorInfo {
        r#type: Some(kind),
        executor_id: id.into(),
        framework_id: Some(framework.into()),
        command: custom.then(|| Box::new(command)),
        ..Default::default()
    }
}

fn task(id: &str, options: &[&str]) -> v1::TaskInfo {
    let environment = v1::environment::Variable {
        name: "GREETING".to_string(),
        value: Some("hello".to_string()),
        ..Default::default()
    };
    let command = v1::CommandInfo {
        value: Some(option(options, "cmd").unwrap_or("sleep").to_string()),
        user: option(options, "user").map(str::to_string),
        environment: Some(v1::Environment { variables: vec![environment], ..Default::default() }),
        ..Default::default()
    };
    v1::TaskInfo {
        name: format!("task {id}"),
        task_id: id.into(),
        agent_id: option(options, "agent").unwrap_or("S0").into(),
        resources: kaon_model::parse_list("cpus:1;mem:32", &kaon_model::Role::star())
            .unwrap()
            .into_iter()
            .chain(option(options, "volume").map(crate::operations::volume))
            .collect(),
        command: Some(Box::new(command)),
        kill_policy: option(options, "grace").map(policy),
        max_completion_time: option(options, "max").map(seconds),
        check: option(options, "check").map(check),
        health_check: option(options, "health").map(health_check),
        limits: option(options, "limits").map(limit).into_iter().collect(),
        ..Default::default()
    }
}

fn limit(name: &str) -> (String, v1::value::Scalar) {
    (name.to_string(), v1::value::Scalar { value: 2.0, ..Default::default() })
}

/// What a check runs, unless it names a port.
fn script(text: &str) -> Box<v1::CommandInfo> {
    let variable = v1::environment::Variable {
        name: "CHECKING".to_string(),
        value: Some("yes".to_string()),
        ..Default::default()
    };
    let environment = Some(v1::Environment { variables: vec![variable], ..Default::default() });
    Box::new(v1::CommandInfo { value: Some(text.to_string()), environment, ..Default::default() })
}

fn check(text: &str) -> Box<v1::CheckInfo> {
    use v1::check_info::{Command, Tcp, Type};
    let mut check = v1::CheckInfo { delay_seconds: Some(1.0), ..Default::default() };
    match text.parse() {
        Ok(port) => {
            check.r#type = Some(Type::Tcp);
            check.tcp = Some(Tcp { port, ..Default::default() });
        }
        Err(_) => {
            check.r#type = Some(Type::Command);
            check.command = Some(Command { command: script(text), ..Default::default() });
        }
    }
    Box::new(check)
}

fn health_check(text: &str) -> Box<v1::HealthCheck> {
    use v1::health_check::{TCPCheckInfo, Type};
    let mut check = v1::HealthCheck {
        delay_seconds: Some(2.0),
        grace_period_seconds: Some(0.0),
        consecutive_failures: Some(2),
        ..Default::default()
    };
    match text.parse() {
        Ok(port) => {
            check.r#type = Some(Type::Tcp);
            check.tcp = Some(TCPCheckInfo { port, ..Default::default() });
        }
        Err(_) => {
            check.r#type = Some(Type::Command);
            check.command = Some(script(text));
        }
    }
    Box::new(check)
}

fn looked(world: &World, words: &[&str]) -> Input {
    let [which, container, number, found @ ..] = words else { panic!("{words:?}") };
    let which = if *which == "health" { Which::Health } else { Which::Check };
    let look = Look { container: world.names.resolve(container), which, number: number.parse().unwrap() };
    let outcome = match found {
        ["failed", why @ ..] => CheckOutcome::Failed { message: why.join(" ") },
        [found] => match (found.parse(), found.parse()) {
            (Ok(exit_code), _) => CheckOutcome::Command { exit_code },
            (_, Ok(succeeded)) => CheckOutcome::Tcp { succeeded },
            _ => panic!("{words:?}"),
        },
        _ => panic!("{words:?}"),
    };
    Input::Checked { look, outcome }
}

fn versions(world: &World, options: &[&str]) -> Vec<internal::ResourceVersionUUID> {
    let value = if options.contains(&"stale") { vec![9; 16] } else { world.version.clone() };
    vec![internal::ResourceVersionUUID {
        uuid: v1::UUID { value, ..Default::default() },
        ..Default::default()
    }]
}

fn run_task(world: &World, framework: &str, id: &str, options: &[&str]) -> PeerMessage {
    let mut task = task(id, options);
    if let Some(own) = option(options, "executor") {
        task.command = None;
        task.executor = Some(Box::new(executor(own, framework, v1::executor_info::Type::Custom)));
    }
    PeerMessage::RunTask(internal::RunTaskMessage {
        framework: Box::new(world.frameworks[framework].clone()),
        pid: Some(option(options, "pid").unwrap_or("@0.0.0.0:0").to_string()),
        task: Box::new(task),
        resource_version_uuids: versions(world, options),
        launch_executor: option(options, "launch").map(|value| value == "true"),
        ..Default::default()
    })
}

fn run_group(world: &World, framework: &str, own: &str, tasks: &str, options: &[&str]) -> PeerMessage {
    let custom = options.contains(&"custom");
    let kind = if custom { v1::executor_info::Type::Custom } else { v1::executor_info::Type::Default };
    let tasks = tasks.split(',').map(|id| task(id, options)).collect();
    let mut executor = executor(own, framework, kind);
    executor.resources.extend(option(options, "own-volume").map(crate::operations::volume));
    executor.container = option(options, "hostname").map(|name| {
        Box::new(v1::ContainerInfo {
            r#type: v1::container_info::Type::Mesos,
            hostname: Some(name.into()),
            ..Default::default()
        })
    });
    PeerMessage::RunTaskGroup(internal::RunTaskGroupMessage {
        framework: Box::new(world.frameworks[framework].clone()),
        executor: Box::new(executor),
        task_group: v1::TaskGroupInfo { tasks, ..Default::default() },
        resource_version_uuids: versions(world, options),
        launch_executor: option(options, "launch").map(|value| value == "true"),
        ..Default::default()
    })
}
