// SPDX-License-Identifier: Apache-2.0

//! Shows how agents empty.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kaon_sdk::Operator;
use serde_json::Value;

use super::naming::Found;

/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often the master's whole state is looked at.
const WHOLE_INTERVAL: Duration = Duration::from_secs(2);
/// How long an agent may take to tell what it runs, before only its master is believed.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bound: tasks that are named of one agent.
const NAMED_MAX: usize = 3;

/// How far an agent is.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Draining(Left),
    Drained,
    /// No master knows of it any more.
    Away,
    /// An operator has taken it back.
    TakenBack,
    /// It cannot be told now.
    Unknown(String),
}

/// What is left on an agent.
#[derive(Clone, Debug, Default, PartialEq)]
struct Left {
    /// When the last task is killed, in seconds since 1970.
    deadline: Option<f64>,
    /// Tasks that have not ended.
    live: Vec<String>,
    /// Tasks whose framework has not acknowledged their end, as far as that is known.
    unacknowledged: Vec<String>,
    /// Why nobody can tell what runs.
    silent: Option<String>,
}

/// Follows the agents until all are drained, or cannot be any more.
pub async fn follow(operator: &Operator, agents: Vec<Found>, gone: bool) -> anyhow::Result<ExitCode> {
    let mut screen = Screen::new();
    let mut settled: BTreeMap<String, bool> = BTreeMap::new();
    let mut deadlines: BTreeMap<String, f64> = BTreeMap::new();
    let mut whole = Whole::default();
    loop {
        let listed = operator.get_json("/slaves").await.map_err(|error| error.to_string());
        let mut lines = Vec::new();
        for agent in &agents {
            if settled.contains_key(&agent.id) {
                continue;
            }
            let mut stage = look(operator, &listed, &agent.id).await;
            keep_earliest(&mut deadlines, &agent.id, &mut stage);
            if let Stage::Draining(left) = &mut stage
                && left.live.is_empty()
                && left.silent.is_none()
            {
                let state = whole.look(operator).await;
                left.unacknowledged = unacknowledged(state, &agent.id);
                for text in whole.disconnected(&agent.id) {
                    screen.clear()?;
                    writeln!(io::stderr(), "kaon: {text}")?;
                }
            }
            match verdict(&stage, gone) {
                Some((done, text)) => {
                    screen.clear()?;
                    writeln!(io::stdout(), "{agent} {text}")?;
                    settled.insert(agent.id.clone(), done);
                }
                None => lines.push((agent, tell(&stage, now()))),
            }
        }
        if settled.len() == agents.len() {
            let all = settled.values().all(|done| *done);
            return Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        screen.show(lines)?;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// The master's whole state. It may be large, so it is read only where it is needed, and not all the time.
#[derive(Default)]
struct Whole {
    read: Option<Instant>,
    state: Value,
    /// Frameworks of which it was told that they are disconnected.
    told: BTreeSet<String>,
}

impl Whole {
    async fn look(&mut self, operator: &Operator) -> &Value {
        if self.read.is_none_or(|read| read.elapsed() >= WHOLE_INTERVAL) {
            // Without it less is told, and the drain goes on.
            self.state = operator.get_json("/state").await.unwrap_or_default();
            self.read = Some(Instant::now());
        }
        &self.state
    }

    /// What to do about frameworks that cannot acknowledge what ended on the agent; of each it is said once.
    fn disconnected(&mut self, agent: &str) -> Vec<String> {
        let frameworks = unheard(&self.state, agent).into_iter().map(|(framework, _)| framework);
        let away = frameworks.filter(|framework| framework["connected"] == false);
        let mut texts = Vec::new();
        for framework in away {
            let [id, name] = ["id", "name"].map(|key| printable(framework[key].as_str().unwrap_or("?")));
            if self.told.insert(id.clone()) {
                texts.push(format!(
                    "the framework {name} ({id}) is disconnected; as long as it stays away, what it has not acknowledged \
                     holds the drain up; if it will not come back, end it: curl -d frameworkId={id} \
                     http://MASTER/master/teardown"
                ));
            }
        }
        texts
    }
}

/// The frameworks that have not acknowledged the end of tasks on the agent, each with these tasks. Only the master can
/// tell: its agent lists them among those whose end was acknowledged.
fn unheard<'a>(state: &'a Value, agent: &str) -> Vec<(&'a Value, Vec<&'a Value>)> {
    let items = |value: &'a Value| value.as_array().into_iter().flatten();
    let is_unheard =
        |task: &&Value| task["slave_id"] == *agent && has_ended(task["state"].as_str().unwrap_or_default());
    let frameworks = items(&state["frameworks"])
        .map(|framework| (framework, items(&framework["tasks"]).filter(is_unheard).collect::<Vec<_>>()));
    frameworks.filter(|(_, tasks)| !tasks.is_empty()).collect()
}

fn unacknowledged(state: &Value, agent: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (framework, tasks) in unheard(state, agent) {
        let framework = framework["name"].as_str().unwrap_or("?");
        names.extend(
            tasks.iter().map(|task| format!("{} of {framework}", task["id"].as_str().unwrap_or("?"))),
        );
    }
    names
}

/// A new master counts the time anew, though a kill that has begun can only be shortened.
fn keep_earliest(deadlines: &mut BTreeMap<String, f64>, agent: &str, stage: &mut Stage) {
    let Stage::Draining(left) = stage else { return };
    if let Some(deadline) = &mut left.deadline {
        let earliest = deadlines.entry(agent.to_owned()).or_insert(*deadline);
        *earliest = earliest.min(*deadline);
        *deadline = *earliest;
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Whether the agent is done with, and how.
fn verdict(stage: &Stage, gone: bool) -> Option<(bool, &'static str)> {
    match stage {
        Stage::Drained if !gone => Some((true, "is drained")),
        Stage::Away if gone => Some((true, "is drained and gone")),
        Stage::Away => Some((false, "has left the cluster, or is unreachable, before it was drained")),
        Stage::TakenBack => Some((false, "was taken back before it was drained")),
        Stage::Drained | Stage::Draining(_) | Stage::Unknown(_) => None,
    }
}

async fn look(operator: &Operator, listed: &Result<Value, String>, id: &str) -> Stage {
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return Stage::Unknown(error.clone()),
    };
    let all = |of: &str| listed[of].as_array().into_iter().flatten().find(|agent| agent["id"] == *id);
    let Some(agent) = all("slaves") else {
        return match all("recovered_slaves") {
            Some(_) => Stage::Unknown("it has not come back to the new master yet".to_owned()),
            None => Stage::Away,
        };
    };
    match agent["drain_info"]["state"].as_str() {
        Some("DRAINING") => Stage::Draining(left(operator, agent).await),
        Some("DRAINED") => Stage::Drained,
        _ if agent["active"] == true => Stage::TakenBack,
        // Whatever an operator, or the end of its drain, makes of it is not complete yet.
        _ => Stage::Unknown("the master is changing its state".to_owned()),
    }
}

/// What the agent itself says that it has.
async fn left(operator: &Operator, agent: &Value) -> Left {
    let grace = agent["drain_info"]["config"]["max_grace_period"]["nanoseconds"].as_f64();
    let since = agent["estimated_drain_start_time_seconds"].as_f64();
    let deadline = grace.zip(since).map(|(grace, since)| since + grace / 1e9);
    let address = agent["pid"].as_str().and_then(|pid| pid.split_once('@')?.1.parse().ok());
    let Some(address) = address else { return Left { deadline, ..Left::default() } };
    let asked = operator.agent(address);
    match tokio::time::timeout(PATIENCE, asked.get_json("/state")).await {
        Ok(Ok(state)) => Left { deadline, ..of_state(&state) },
        Ok(Err(error)) => Left { deadline, silent: Some(error.to_string()), ..Left::default() },
        Err(_) => Left { deadline, silent: Some("the agent does not answer".to_owned()), ..Left::default() },
    }
}

fn of_state(state: &Value) -> Left {
    let mut left = Left::default();
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for framework in items(&state["frameworks"]) {
        let name = framework["name"].as_str().unwrap_or("?").to_owned();
        for executor in items(&framework["executors"]) {
            let tasks = items(&executor["tasks"]);
            for task in items(&executor["queued_tasks"]).iter().chain(&tasks) {
                if !has_ended(task["state"].as_str().unwrap_or_default()) {
                    left.live.push(format!("{} of {name}", task["id"].as_str().unwrap_or("?")));
                }
            }
        }
    }
    left
}

fn has_ended(state: &str) -> bool {
    !matches!(state, "" | "TASK_STAGING" | "TASK_STARTING" | "TASK_RUNNING" | "TASK_KILLING")
}

/// What is left, in a line.
fn tell(stage: &Stage, now: f64) -> String {
    let left = match stage {
        Stage::Draining(left) => left,
        Stage::Unknown(why) => return format!("waiting: {why}"),
        Stage::Drained | Stage::Away | Stage::TakenBack => return "nothing left".to_owned(),
    };
    if let Some(why) = &left.silent {
        return format!("draining; what is left is not known: {why}");
    }
    let count = left.live.len();
    let mut parts = vec![format!("{count} task{} left", if count == 1 { "" } else { "s" })];
    match left.deadline.map(|deadline| deadline - now) {
        Some(seconds) if count > 0 && seconds >= 0.0 => parts.push(format!("{} s at most", seconds.ceil())),
        Some(_) if count > 0 => parts.push("killed, and not gone yet".to_owned()),
        _ => {}
    }
    if count > 0 {
        parts.push(format!("waiting for {}", some(&left.live)));
    } else if !left.unacknowledged.is_empty() {
        let whose = some(&left.unacknowledged);
        parts.push(format!("waiting for frameworks to acknowledge the end of {whose}"));
    } else {
        parts.push("waiting for the master to write it down".to_owned());
    }
    parts.join(", ")
}

fn some(names: &[String]) -> String {
    let shown = names.iter().take(NAMED_MAX).map(|name| printable(name)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What others put into names is not to steer our terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Where progress is shown: in lines that are drawn anew on a terminal, else in one for each change.
struct Screen {
    is_terminal: bool,
    drawn: usize,
    told: BTreeMap<String, String>,
}

impl Screen {
    fn new() -> Screen {
        Screen { is_terminal: io::stderr().is_terminal(), drawn: 0, told: BTreeMap::new() }
    }

    fn clear(&mut self) -> io::Result<()> {
        if self.is_terminal && self.drawn > 0 {
            // To the first of our lines, then clear from there on.
            write!(io::stderr(), "\x1b[{}A\x1b[J", self.drawn)?;
        }
        self.drawn = 0;
        Ok(())
    }

    fn show(&mut self, lines: Vec<(&Found, String)>) -> io::Result<()> {
        self.clear()?;
        let mut out = io::stderr().lock();
        for (agent, line) in lines {
            if self.is_terminal {
                writeln!(out, "{agent}: {line}")?;
                self.drawn += 1;
            } else if self.told.get(&agent.id).is_none_or(|before| !is_same(before, &line)) {
                writeln!(out, "{agent}: {line}")?;
                self.told.insert(agent.id.clone(), line);
            }
        }
        out.flush()
    }
}

/// Whether two lines differ in the time that is left alone.
fn is_same(one: &str, other: &str) -> bool {
    let strip = |line: &str| line.split(", ").filter(|part| !part.ends_with("s at most")).collect::<String>();
    strip(one) == strip(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draining(left: Left) -> Stage {
        Stage::Draining(left)
    }

    #[test]
    fn what_holds_a_drain_up_is_told() {
        let task = |id: &str, state: &str| json!({ "id": id, "state": state });
        let state = json!({ "frameworks": [{ "name": "web", "executors": [
            { "tasks": [task("a", "TASK_KILLING"), task("b", "TASK_KILLED"), task("c", "TASK_RUNNING")],
              "queued_tasks": [task("d", "TASK_STAGING")] }] }] });
        let left = of_state(&state);
        assert_eq!(left.live, ["d of web", "a of web", "c of web"]);
        let told = tell(&draining(Left { deadline: Some(106.2), ..left.clone() }), 100.0);
        assert_eq!(told, "3 tasks left, 7 s at most, waiting for d of web, a of web, c of web");
        let late = Left { deadline: Some(99.0), live: vec!["x of y".to_owned()], ..Left::default() };
        let late = tell(&draining(late), 100.0);
        assert_eq!(late, "1 task left, killed, and not gone yet, waiting for x of y");
        assert!(is_same("3 tasks left, 7 s at most, x", "3 tasks left, 6 s at most, x"));
        assert!(!is_same("3 tasks left, 7 s at most, x", "2 tasks left, 7 s at most, x"));
    }

    #[test]
    fn whose_end_is_not_acknowledged_is_told_with_what_to_do_about_it() {
        let task =
            |id: &str, agent: &str, state: &str| json!({ "id": id, "slave_id": agent, "state": state });
        let state = json!({ "frameworks": [
            { "id": "F1", "name": "web", "connected": true, "tasks": [
                task("a", "S1", "TASK_KILLED"), task("b", "S1", "TASK_RUNNING"), task("c", "S2", "TASK_FAILED")] },
            { "id": "F2", "name": "db", "connected": false, "tasks": [task("d", "S1", "TASK_FINISHED")] },
            { "id": "F3", "name": "gone", "connected": false, "tasks": [],
              "completed_tasks": [task("e", "S1", "TASK_FINISHED")] }] });
        let left = Left { unacknowledged: unacknowledged(&state, "S1"), ..Left::default() };
        let told = tell(&draining(left), 100.0);
        assert_eq!(told, "0 tasks left, waiting for frameworks to acknowledge the end of a of web, d of db");
        let mut whole = Whole { state, ..Whole::default() };
        let told = whole.disconnected("S1");
        assert!(
            told.len() == 1 && told[0].contains("db (F2)") && told[0].contains("frameworkId=F2 "),
            "{told:?}"
        );
        assert!(whole.disconnected("S1").is_empty(), "once is enough");
        assert!(whole.disconnected("S2").is_empty(), "web is there");
    }

    #[test]
    fn a_new_master_gives_no_more_time() {
        let mut deadlines = BTreeMap::new();
        for (told, shown) in [(110.0, 110.0), (114.0, 110.0), (105.0, 105.0)] {
            let mut stage = draining(Left { deadline: Some(told), ..Left::default() });
            keep_earliest(&mut deadlines, "S1", &mut stage);
            assert_eq!(stage, draining(Left { deadline: Some(shown), ..Left::default() }));
        }
    }

    #[test]
    fn a_drain_ends_drained_gone_or_given_up() {
        for (stage, gone, expected) in [
            (Stage::Drained, false, Some(true)),
            (Stage::Drained, true, None),
            (Stage::Away, true, Some(true)),
            (Stage::Away, false, Some(false)),
            (Stage::TakenBack, true, Some(false)),
            (draining(Left::default()), false, None),
            (Stage::Unknown("no leader".to_owned()), true, None),
        ] {
            assert_eq!(verdict(&stage, gone).map(|(done, _)| done), expected, "{stage:?} {gone}");
        }
    }
}
