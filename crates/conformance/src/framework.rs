// SPDX-License-Identifier: Apache-2.0

//! A scheduler on the v1 API.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::http::{Stream, post, post_request, record};

/// Bound: how long an event is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Its connection ends with it.
pub struct Framework {
    pub id: String,
    pub stream_id: String,
    master: String,
    stream: Stream,
}

impl Framework {
    pub fn subscribe(master: &str, info: Value) -> Result<Framework> {
        let body = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}).to_string();
        let stream = Stream::open(master, &post_request("/api/v1/scheduler", "", &body))?;
        let stream_id =
            stream.head.header("mesos-stream-id").context("SUBSCRIBE was answered without a stream's id")?;
        let stream_id = stream_id.to_owned();
        let mut framework = Framework { id: String::new(), stream_id, master: master.to_owned(), stream };
        let subscribed = framework.wait_for("SUBSCRIBED")?;
        framework.id = text(&subscribed, "/subscribed/framework_id/value")?.to_owned();
        Ok(framework)
    }

    /// The next event; none at the stream's end.
    pub fn next(&mut self) -> Result<Option<Value>> {
        let chunk = self.stream.next_chunk()?;
        chunk.map(|chunk| Ok(serde_json::from_slice(record(&chunk)?)?)).transpose()
    }

    /// The next event of this type.
    pub fn wait_for(&mut self, kind: &str) -> Result<Value> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.next()? {
                Some(event) if event["type"] == kind => return Ok(event),
                Some(_) => {}
                None => bail!("the stream of framework {} ended before {kind}", self.id),
            }
        }
        bail!("framework {} got no {kind} within {} s", self.id, PATIENCE.as_secs())
    }

    pub fn call(&self, mut call: Value) -> Result<()> {
        call["framework_id"] = json!({"value": self.id});
        let stream = format!("Mesos-Stream-Id: {}\r\n", self.stream_id);
        let answer = post(&self.master, "/api/v1/scheduler", &stream, &call.to_string())?;
        match answer.status {
            202 => Ok(()),
            status => {
                bail!("{} was answered {status}: {}", call["type"], String::from_utf8_lossy(&answer.body))
            }
        }
    }

    /// Launches tasks with the next offer; `tasks` are made for the agent of the offer.
    pub fn launch(&mut self, tasks: impl Fn(&str) -> Value) -> Result<()> {
        let offers = self.wait_for("OFFERS")?;
        let offer = &offers["offers"]["offers"][0];
        let agent = text(offer, "/agent_id/value")?;
        self.call(json!({"type": "ACCEPT", "accept": {
            "offer_ids": [offer["id"]],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks(agent)}}],
        }}))
    }

    /// Waits for so many updates with this state, and acknowledges all on the way.
    pub fn await_updates(&mut self, state: &str, count: usize) -> Result<()> {
        let mut seen = 0;
        while seen < count {
            let event = self.wait_for("UPDATE")?;
            let status = &event["update"]["status"];
            if status.get("uuid").is_some() {
                self.call(json!({"type": "ACKNOWLEDGE", "acknowledge": {
                    "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
                }}))?;
            }
            match status["state"].as_str() {
                Some(own) if own == state => seen += 1,
                Some("TASK_STARTING" | "TASK_RUNNING") => {}
                _ => bail!("a task should become {state}, but: {status}"),
            }
        }
        Ok(())
    }

    pub fn tear_down(self) -> Result<()> {
        self.call(json!({"type": "TEARDOWN"}))
    }
}

/// A text inside a value.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer} in {value}"))
}
