// SPDX-License-Identifier: Apache-2.0

//! A master and an agent as processes, used by a client that knows nothing but HTTP.

use rustix::process::Signal;

use crate::daemon::{Daemon, Events, member};
use crate::support::{Folder, eventually};

pub fn flags(flags: &[&str]) -> Vec<String> {
    ["--ip=127.0.0.1", "--port=0"].iter().chain(flags).map(ToString::to_string).collect()
}

pub fn master() -> Daemon {
    Daemon::start("master", &flags(&["--registry=in_memory"]))
}

pub fn agent_flags(master: &Daemon, folder: &Folder) -> Vec<String> {
    flags(&[
        &format!("--master={}", master.address),
        &format!("--work_dir={}", folder.path().join("work").display()),
        &format!("--runtime_dir={}", folder.path().join("runtime").display()),
        "--resources=cpus:4;mem:1024;disk:1024;ports:[31000-31009]",
    ])
}

const SUBSCRIBE: &str =
    r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"it","checkpoint":true}}}"#;

/// A framework on its stream.
pub struct Framework {
    pub events: Events,
    pub id: String,
}

impl Framework {
    pub fn subscribe(master: &Daemon) -> Framework {
        Framework::subscribe_with(master, SUBSCRIBE)
    }

    pub fn subscribe_with(master: &Daemon, body: &str) -> Framework {
        let mut events = Events::subscribe(master, "/api/v1/scheduler", body);
        let subscribed = events.next().unwrap();
        assert!(subscribed.starts_with("{\"type\":\"SUBSCRIBED\""), "{subscribed}");
        assert_eq!(events.next().unwrap(), "{\"type\":\"HEARTBEAT\"}");
        Framework { id: member(&subscribed, "framework_id").to_string(), events }
    }

    pub fn call(&self, master: &Daemon, kind: &str, rest: &str) {
        let body = format!("{{\"framework_id\":{{\"value\":\"{}\"}},\"type\":\"{kind}\"{rest}}}", self.id);
        let stream = format!("Mesos-Stream-Id: {}\r\n", self.events.id);
        let (status, text) = master.call("/api/v1/scheduler", &stream, &body);
        assert_eq!(status, "HTTP/1.1 202 Accepted", "{kind}: {text}");
    }

    /// Takes an offer and runs a shell's script with it; the agent's id.
    pub fn run(&mut self, master: &Daemon, task: &str, script: &str) -> String {
        self.run_with(master, task, script, &[("cpus", "0.1"), ("mem", "32")])
    }

    /// The same, with these resources.
    pub fn run_with(
        &mut self,
        master: &Daemon,
        task: &str,
        script: &str,
        resources: &[(&str, &str)],
    ) -> String {
        let offers = self.events.wait_for("OFFERS");
        let (offer, agent) = (member(&offers, "id").to_string(), member(&offers, "agent_id").to_string());
        let scalar = |(name, value): &(&str, &str)| {
            format!(r#"{{"name":"{name}","type":"SCALAR","scalar":{{"value":{value}}}}}"#)
        };
        let resources = resources.iter().map(scalar).collect::<Vec<_>>().join(",");
        let info = format!(
            r#"{{"name":"{task}","task_id":{{"value":"{task}"}},"agent_id":{{"value":"{agent}"}},"command":{{"value":"{script}"}},"resources":[{resources}]}}"#
        );
        let launch = format!(
            r#","accept":{{"offer_ids":[{{"value":"{offer}"}}],"operations":[{{"type":"LAUNCH","launch":{{"task_infos":[{info}]}}}}],"filters":{{"refuse_seconds":0}}}}"#
        );
        self.call(master, "ACCEPT", &launch);
        agent
    }

    /// Waits for an update with this state, and acknowledges all on the way.
    pub fn until(&mut self, master: &Daemon, agent: &str, state: &str) -> String {
        loop {
            let update = self.events.wait_for("UPDATE");
            if update.contains("\"uuid\":") {
                let (task, uuid) = (member(&update, "task_id"), member(&update, "uuid"));
                let acknowledge = format!(
                    r#","acknowledge":{{"agent_id":{{"value":"{agent}"}},"task_id":{{"value":"{task}"}},"uuid":"{uuid}"}}"#
                );
                self.call(master, "ACKNOWLEDGE", &acknowledge);
            }
            if member(&update, "state") == state {
                return update;
            }
            let ended = ["TASK_FAILED", "TASK_LOST", "TASK_ERROR", "TASK_FINISHED"]
                .contains(&member(&update, "state"));
            assert!(!ended, "{update}");
        }
    }
}

#[test]
fn raw_http_runs_a_task_and_reads_what_it_wrote() {
    let folder = Folder::new();
    let master = master();
    let agent = Daemon::start("agent", &agent_flags(&master, &folder));
    let mut framework = Framework::subscribe(&master);
    let agent_id = framework.run(&master, "t1", "echo hello; echo trouble >&2");
    framework.until(&master, &agent_id, "TASK_RUNNING");
    framework.until(&master, &agent_id, "TASK_FINISHED");

    let latest = format!("/frameworks/{}/executors/t1/runs/latest", framework.id);
    let (status, _, body) = agent.get(&format!("/files/read?path={latest}/stdout&offset=0"));
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", r#"{"data":"hello\n","offset":0}"#));
    let (_, headers, body) = agent.get(&format!("/files/download?path={latest}/stderr"));
    assert!(headers.contains("Content-Disposition: attachment; filename=stderr\r\n"), "{headers}");
    assert_eq!(body, "trouble\n");
    let (status, _, body) = agent.get(&format!("/files/download?path={latest}"));
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 400 Bad Request", "Cannot download a directory.\n")
    );
    let (_, _, body) = agent.get(&format!("/files/browse?path={latest}"));
    assert!(body.contains(&format!("\"path\":\"{latest}/stderr\"")), "{body}");
    let (status, _, body) = agent.get("/files/read?path=/etc/passwd");
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 404 Not Found", ""));

    let (_, _, state) = master.get("/state");
    assert!(state.contains("\"state\":\"TASK_FINISHED\"") && state.contains("\"pid\":\"slave(1)@127.0.0.1:"));
    framework.call(&master, "TEARDOWN", "");
    while framework.events.next().is_some() {}
    let (_, _, metrics) = master.get("/metrics");
    assert!(metrics.contains("\nmesos_master_tasks_finished 1.0\n"), "{metrics}");
}

#[test]
fn a_task_outlives_its_agents_process() {
    let folder = Folder::new();
    let master = master();
    let mut agent = Daemon::start("agent", &agent_flags(&master, &folder));
    let mut framework = Framework::subscribe(&master);
    let gate = folder.path().join("gate");
    let script = format!("until [ -e {} ]; do sleep 0.1; done; echo $$", gate.display());
    let agent_id = framework.run(&master, "t1", &script);
    framework.until(&master, &agent_id, "TASK_RUNNING");
    agent.child.kill().unwrap();
    agent.child.wait().unwrap();
    let port = agent.address.rsplit(':').next().unwrap().to_string();
    let mut same = agent_flags(&master, &folder);
    same.iter_mut().filter(|flag| *flag == "--port=0").for_each(|flag| *flag = format!("--port={port}"));
    let mut agent = Daemon::start("agent", &same);
    std::fs::write(&gate, "").unwrap();
    framework.until(&master, &agent_id, "TASK_FINISHED");
    // Stopped well, it leaves what runs alone; drained, it ends everything first.
    agent.signal(Signal::TERM);
    assert!(agent.ended().success());
}

#[test]
fn a_drained_agent_ends_its_tasks_and_then_itself() {
    let folder = Folder::new();
    let master = master();
    let mut agent = Daemon::start("agent", &agent_flags(&master, &folder));
    let mut framework = Framework::subscribe(&master);
    let pid = folder.path().join("pid");
    let script = format!("echo $$ > {}; sleep 1000", pid.display());
    let agent_id = framework.run(&master, "t1", &script);
    framework.until(&master, &agent_id, "TASK_RUNNING");
    let process = || std::fs::read_to_string(&pid).ok().and_then(|text| text.trim().parse::<i32>().ok());
    eventually("the task says its pid", || process().is_some());
    let process = format!("/proc/{}", process().unwrap());
    agent.signal(Signal::USR1);
    assert!(agent.ended().success());
    eventually("the task is gone", || !std::path::Path::new(&process).exists());
}

#[test]
fn a_local_cluster_is_one_process() {
    let mut local = Daemon::start("local", &flags(&["--agents=3"]));
    let (_, _, slaves) = local.get("/slaves");
    assert_eq!(slaves.matches("\"active\":true").count(), 3, "{slaves}");
    local.signal(Signal::INT);
    assert!(local.ended().success());
}

#[test]
fn a_master_stops_when_told_and_its_folder_is_its_own() {
    let folder = Folder::new();
    let own = flags(&[&format!("--work_dir={}", folder.path().display())]);
    let mut first = Daemon::start("master", &own);
    let (status, text) = Daemon::fails("master", &own);
    assert!(!status.success() && text.contains("registry.redb") && text.contains("using it"), "{text}");
    first.signal(Signal::TERM);
    assert!(first.ended().success());
    drop(Daemon::start("master", &own));
}

#[test]
fn daemons_that_cannot_start_say_why() {
    let folder = Folder::new();
    let work = format!("--work_dir={}", folder.path().display());
    for (which, flags, text) in [
        ("master", vec!["--nosuch"], "Failed to load unknown flag 'nosuch'"),
        ("master", vec!["--ip=127.0.0.1"], "--work_dir needed for replicated log based registry"),
        (
            "master",
            vec!["--registry=in_memory", "--ip=256.0.0.1"],
            "'256.0.0.1' is not an IPv4 address, which ip must be",
        ),
        ("master", vec!["--registry=in_memory", "--ip=1.2.3.4"], "cannot listen on 1.2.3.4:5050"),
        (
            "master",
            vec!["--registry=in_memory", "--ip=127.0.0.1", "--weights=a"],
            "Invalid value in --weights",
        ),
        ("agent", vec![work.as_str()], "Missing required option --master"),
        ("agent", vec!["--master=127.0.0.1:5050"], "Flag 'work_dir' is required, but it was not provided"),
        ("agent", vec![work.as_str(), "--master=nonsense"], "Failed to parse 'nonsense'"),
        ("agent", vec![work.as_str(), "--master=zk://h"], "does not say where masters meet"),
        ("master", vec!["--zk=zk://h/"], "Invalid value of --zk: Expecting a (chroot) path"),
        ("local", vec!["--zk=zk://h/m"], "has one master"),
        (
            "agent",
            vec![work.as_str(), "--master=127.0.0.1:1", "--ip=127.0.0.1", "--port=0", "--resources=cpus"],
            "--resources cannot be read: Bad value for resources",
        ),
    ] {
        let (status, said) = Daemon::fails(which, &flags.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert!(!status.success() && said.contains(text), "{which} {flags:?} said {said}");
    }
}
