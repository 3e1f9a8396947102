// SPDX-License-Identifier: Apache-2.0

//! The run: the cluster is brought into a state, what was recorded in it is asked again, and so on.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::compare::Places;
use crate::difference::Difference;
use crate::figures::{self, Whose};
use crate::framework::{Framework, text};
use crate::http::{Answer, Stream, exchange};
use crate::live;
use crate::recording::{Recording, beginning, named};
use crate::report::Report;
use crate::stage::{self, Cluster};
use crate::verdict;

/// The port of the recorded agents; whoever is asked at another one is a master.
const AGENT_HOST: &str = "Host: 127.0.0.1:15351\r\n";
/// Bound: how long a stream is read for the events that were recorded, and for a heartbeat.
const PATIENCE: Duration = Duration::from_secs(40);

pub struct Suite {
    pub cluster: Cluster,
    pub report: Report,
}

impl Suite {
    pub fn new(cluster: Cluster) -> Suite {
        Suite { cluster, report: Report::default() }
    }

    pub fn run(&mut self) -> Result<()> {
        self.without_live()?;
        self.live()
    }

    /// All but the last group.
    pub fn without_live(&mut self) -> Result<()> {
        self.cluster.past().context("bringing the cluster into its state")?;
        self.past()?;
        self.figures()?;
        self.streams()?;
        self.quirks()?;
        self.calls()
    }

    /// While two tasks of a framework run.
    fn live(&mut self) -> Result<()> {
        let recordings = beginning("live_")?;
        if recordings.is_empty() {
            return Ok(());
        }
        let framework = live::start(&self.cluster)?;
        for recording in recordings {
            self.replay(&recording, &[]);
        }
        framework.tear_down()?;
        self.cluster.await_no_frameworks()
    }

    /// What a cluster tells of itself, and what it says to mistakes.
    fn past(&mut self) -> Result<()> {
        for prefix in ["master_", "agent_", "err_"] {
            for recording in beginning(prefix)? {
                if recording.answer.is_some() && !recording.request.is_empty() {
                    self.replay(&recording, &[]);
                }
            }
        }
        Ok(())
    }

    fn streams(&mut self) -> Result<()> {
        self.replay_stream("sched_SUBSCRIBE_json")?;
        self.cluster.await_no_frameworks()?;
        self.replay_stream("sched_SUBSCRIBE_pb")?;
        self.cluster.await_no_frameworks()?;
        self.replay_stream("operator_SUBSCRIBE_json")?;
        self.replay(&named("operator_SUBSCRIBE_recordio")?, &[]);
        Ok(())
    }

    /// An agent has come and gone, and another framework of the old driver.
    fn quirks(&mut self) -> Result<()> {
        let agent = self.cluster.agent_goes()?;
        self.cluster.driver_passes_by()?;
        let words = [("f002171b-ffb8-4c0d-b518-1249041d3b56-S0".to_owned(), agent)];
        for recording in beginning("quirk_")? {
            self.replay(&recording, &words);
        }
        Ok(())
    }

    /// Calls of one scheduler, in their order, and what its stream says to them.
    fn calls(&mut self) -> Result<()> {
        const CALLS: &[&str] = &[
            "call_kill_unknown",
            "call_int64_as_string",
            "call_int64_bad_string",
            "call_missing_stream_id",
            "call_wrong_stream_id",
            "call_slave_id_only",
            "call_reconcile_unknown",
            "call_accept_bad_offer",
            "call_array_body",
            "call_null_body",
            "call_deep_json",
            "call_teardown",
        ];
        // No request of this stream was kept; the one of another recording is the same.
        let subscribe = named("sched_SUBSCRIBE_json")?;
        let mut stream = Stream::open(&self.cluster.master, subscribe.request)?;
        let mut chunks = Vec::new();
        await_events(&mut stream, &mut chunks, 2)?;
        let subscribed = verdict::event("application/json", &chunks[0])?;
        let framework = text(&subscribed, "/subscribed/framework_id/value")?.to_owned();
        let stream_id = stream.head.header("Mesos-Stream-Id").context("no Mesos-Stream-Id")?.to_owned();
        let words = [
            ("674b5914-f119-4053-911f-7fb887bd035d-0001".to_owned(), framework),
            ("674b5914-f119-4053-911f-7fb887bd035d-S0".to_owned(), self.cluster.agent_id()?),
            ("432f3293-99fb-41e4-b866-418bbc402885".to_owned(), stream_id),
        ];
        for name in CALLS {
            self.replay(&named(name)?, &words);
        }
        // The last call ends the stream.
        while let Some(chunk) = stream.next_chunk()? {
            chunks.push(chunk);
        }
        let answer = Answer { chunks: Some(chunks), ..stream.head.clone() };
        let recording = named("sched_stream_after_calls")?;
        let recorded = recording.answer.as_ref().context("a recording without an answer")?;
        self.report.add(recording.name, verdict::compare("", recorded, &answer, &self.cluster.places));
        Ok(())
    }

    /// Names of metrics, while a framework is registered. Two answers were kept for four requests: one that holds
    /// the figures of master and agent, for each form.
    fn figures(&mut self) -> Result<()> {
        let framework = Framework::subscribe(&self.cluster.master, stage::gold())?;
        for (request, answer, whose) in [
            ("master_GET__metrics_snapshot", "metrics_master_and_agent_same_process", Whose::Master),
            ("agent_GET__metrics_snapshot", "metrics_master_and_agent_same_process", Whose::Agent),
            ("master_v1_GET_METRICS", "master_v1_GET_METRICS_ok", Whose::Master),
            ("agent_v1_GET_METRICS", "master_v1_GET_METRICS_ok", Whose::Agent),
        ] {
            // An agent of Mesos never answers if one of its figures is not to be had, but for a time that is named.
            let words = [
                ("/metrics/snapshot".to_owned(), "/metrics/snapshot?timeout=5secs".to_owned()),
                (
                    "\"get_metrics\": {}".to_owned(),
                    "\"get_metrics\": {\"timeout\": {\"nanoseconds\": 5000000000}}".to_owned(),
                ),
            ];
            let recording = Recording { answer: named(answer)?.answer, ..named(request)? };
            let name = format!("gold/{}", framework.id);
            self.ask(&recording, &words, |_, recorded, found| {
                let parse =
                    |answer: &Answer| serde_json::from_slice(&answer.body).context("metrics are not JSON");
                let mut differences = verdict::head(recorded, found);
                differences.extend(figures::compare(whose, &name, &parse(recorded)?, &parse(found)?));
                Ok(differences)
            });
        }
        framework.tear_down()?;
        self.cluster.await_no_frameworks()
    }

    /// Asks what was asked, with some words replaced, and judges the answer.
    fn replay(&mut self, recording: &Recording, words: &[(String, String)]) {
        self.ask(recording, words, |places, recorded, found| {
            Ok(verdict::compare(&recording.target(), recorded, found, places))
        });
    }

    fn ask(
        &mut self,
        recording: &Recording,
        words: &[(String, String)],
        judge: impl FnOnce(&Places, &Answer, &Answer) -> Result<Vec<Difference>>,
    ) {
        let judged = exchange(self.address(recording), &recording.request_with(words)).and_then(|found| {
            let recorded = recording.answer.as_ref().context("a recording without an answer")?;
            judge(&self.cluster.places, recorded, &found)
        });
        let failed = |error| vec![Difference::other("answer", "an answer", format!("{error:#}"))];
        self.report.add(recording.name, judged.unwrap_or_else(failed));
    }

    /// The same for a stream, which is read for as many events as were recorded.
    fn replay_stream(&mut self, name: &str) -> Result<()> {
        let recording = named(name)?;
        let recorded = recording.answer.as_ref().context("a recording without an answer")?;
        let kind = recorded.header("Content-Type").unwrap_or_default();
        let count = verdict::events(kind, recorded)?.len();
        let mut stream = Stream::open(self.address(&recording), recording.request)?;
        let mut chunks = Vec::new();
        await_events(&mut stream, &mut chunks, count)?;
        let answer = Answer { chunks: Some(chunks), ..stream.head.clone() };
        self.report.add(name, verdict::compare("", recorded, &answer, &self.cluster.places));
        Ok(())
    }

    fn address(&self, recording: &Recording) -> &str {
        let head = String::from_utf8_lossy(recording.request);
        if head.contains(AGENT_HOST) { &self.cluster.agent } else { &self.cluster.master }
    }
}

/// Reads until there were so many events, and a heartbeat among them, which Mesos sends at once after the first.
fn await_events(stream: &mut Stream, chunks: &mut Vec<Vec<u8>>, count: usize) -> Result<()> {
    let kind = stream.head.header("Content-Type").unwrap_or_default().to_owned();
    let (mut events, mut heartbeats) = (0, 0);
    let end = Instant::now() + PATIENCE;
    while events < count || heartbeats == 0 {
        if Instant::now() > end {
            bail!(
                "{events} events and {heartbeats} heartbeats within {} s, of {count} events",
                PATIENCE.as_secs()
            );
        }
        let chunk = stream.next_chunk()?.context("the stream ended early")?;
        match verdict::event(&kind, &chunk)?["type"].as_str() {
            Some("HEARTBEAT") => heartbeats += 1,
            _ => events += 1,
        }
        chunks.push(chunk);
    }
    Ok(())
}
