// SPDX-License-Identifier: Apache-2.0

//! The faults of a run, drawn from its seed.

use std::time::Duration;

use kaon_model::{Entropy, Mono};

use crate::plan::Plan;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing gets through between an agent and the masters.
    Cut { agent: usize, way: Way, span: Duration },
    /// The connections between the masters and an agent are reset.
    Reset { agent: usize },
    /// kill -9 of the agent process after so many effects; it is started again.
    CrashAgent { agent: usize, after: u32 },
    /// SIGSTOP of the agent process, and SIGCONT.
    PauseAgent { agent: usize, span: Duration },
    /// The whole host goes, and comes back with its disk.
    Reboot { agent: usize },
    /// The disk of the host has no room for so long.
    FillDisk { agent: usize, span: Duration },
    /// A container of the host must not run on.
    Limit { agent: usize },
    /// An operator says that the agent is gone for good.
    MarkGone { agent: usize },
    /// An operator has the agent emptied, and perhaps gone when it is.
    Drain { agent: usize, grace: Option<Duration>, gone: bool },
    /// An operator says that the agent is not to be offered.
    Deactivate { agent: usize },
    /// An operator takes the agent back.
    Reactivate { agent: usize },
    /// An operator has the agent's machine taken out of service so far ahead.
    Enforce { agent: usize, ahead: Duration, grace: Duration },
    /// An operator takes everything off the schedule of maintenance.
    ClearSchedule,
    /// What a host shows people as the time jumps.
    JumpClock { agent: usize, seconds: i64 },
    /// A scheduler's stream breaks, which the master sees only so much later.
    DropStream { scheduler: usize, lag: Duration },
    /// Another instance of the scheduler takes its place.
    TakeOver { scheduler: usize },
    /// kill -9 of the leading master after so many effects; it is started again.
    CrashLeader { after: u32 },
    /// SIGSTOP of the leading master, and SIGCONT.
    PauseLeader { span: Duration },
    /// The leader's session ends; it goes on for a while as if it had not.
    DeposeLeader { lingers: Duration },
    /// Each write to the registry takes long, for a while.
    SlowStore { span: Duration },
    /// The outcome of the next write is unknown to its writer.
    FailStore { written: bool },
}

/// Which direction is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Both,
    ToAgent,
    FromAgent,
}

impl Fault {
    /// The kinds, as they are counted.
    pub const KINDS: [&str; 23] = [
        "fault cut",
        "fault one-way cut to an agent",
        "fault one-way cut from an agent",
        "fault reset",
        "fault agent crash",
        "fault agent pause",
        "fault reboot",
        "fault agent marked gone",
        "fault clock jump",
        "fault stream broken",
        "fault scheduler taken over",
        "fault leader crash",
        "fault leader pause",
        "fault leader deposed",
        "fault store slow",
        "fault store fails",
        "operator drains",
        "operator deactivates",
        "operator reactivates",
        "operator enforces a window",
        "operator clears the schedule",
        "fault disk full",
        "fault container limited",
    ];

    pub fn kind(&self) -> &'static str {
        let at = match self {
            Fault::Cut { way: Way::Both, .. } => 0,
            Fault::Cut { way: Way::ToAgent, .. } => 1,
            Fault::Cut { way: Way::FromAgent, .. } => 2,
            Fault::Reset { .. } => 3,
            Fault::CrashAgent { .. } => 4,
            Fault::PauseAgent { .. } => 5,
            Fault::Reboot { .. } => 6,
            Fault::MarkGone { .. } => 7,
            Fault::JumpClock { .. } => 8,
            Fault::DropStream { .. } => 9,
            Fault::TakeOver { .. } => 10,
            Fault::CrashLeader { .. } => 11,
            Fault::PauseLeader { .. } => 12,
            Fault::DeposeLeader { .. } => 13,
            Fault::SlowStore { .. } => 14,
            Fault::FailStore { .. } => 15,
            Fault::Drain { .. } => 16,
            Fault::Deactivate { .. } => 17,
            Fault::Reactivate { .. } => 18,
            Fault::Enforce { .. } => 19,
            Fault::ClearSchedule => 20,
            Fault::FillDisk { .. } => 21,
            Fault::Limit { .. } => 22,
        };
        Fault::KINDS[at]
    }
}

/// Faults of the kinds of the plan at random moments of the safety phase.
pub fn draw(rng: &mut Entropy, plan: &Plan, safety: Duration) -> Vec<(Mono, Fault)> {
    let count = safety.as_secs() / plan.fault_each.as_secs().max(1);
    let mut faults: Vec<(Mono, Fault)> = Vec::new();
    for _ in 0..count {
        let at = Mono::ZERO + millis(rng, safety.as_millis() as u64);
        let fault = one(rng, plan);
        if plan.faults.contains(fault.kind()) {
            faults.push((at, fault));
        }
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

fn one(rng: &mut Entropy, plan: &Plan) -> Fault {
    let agent = rng.below(plan.agents as u64) as usize;
    let scheduler = rng.below(plan.schedulers as u64) as usize;
    // Most crashes come at once, others in the midst of what is just being done.
    let after = if rng.chance(0.3) { 0 } else { 1 + rng.below(8) as u32 };
    match rng.below(57) {
        0..=3 => Fault::Cut { agent, way: Way::Both, span: cut_span(rng) },
        4 | 5 => Fault::Cut { agent, way: Way::ToAgent, span: cut_span(rng) },
        6 | 7 => Fault::Cut { agent, way: Way::FromAgent, span: cut_span(rng) },
        8..=11 => Fault::Reset { agent },
        12..=18 => Fault::CrashAgent { agent, after },
        19 => Fault::PauseAgent { agent, span: cut_span(rng) },
        20 => Fault::Reboot { agent },
        21 => Fault::MarkGone { agent },
        22 => Fault::JumpClock { agent, seconds: rng.below(7200) as i64 - 3600 },
        23..=25 => Fault::DropStream { scheduler, lag: millis(rng, 30_000) },
        26 => Fault::TakeOver { scheduler },
        27..=30 => Fault::CrashLeader { after },
        31 | 32 => Fault::PauseLeader { span: millis(rng, 40_000) },
        33..=35 => Fault::DeposeLeader { lingers: millis(rng, 20_000) },
        36 | 37 => Fault::SlowStore { span: millis(rng, 60_000) },
        38 | 39 => Fault::FailStore { written: rng.chance(0.5) },
        40..=42 => {
            let grace = rng.chance(0.8).then(|| millis(rng, 20_000));
            Fault::Drain { agent, grace, gone: rng.chance(0.15) }
        }
        43 => Fault::Deactivate { agent },
        44..=47 => Fault::Reactivate { agent },
        48..=50 => Fault::Enforce { agent, ahead: millis(rng, 120_000), grace: millis(rng, 20_000) },
        51 => Fault::ClearSchedule,
        52 | 53 => Fault::FillDisk { agent, span: millis(rng, 60_000) },
        _ => Fault::Limit { agent },
    }
}

/// Mostly shorter than the 75 seconds after which an agent is given up, sometimes longer.
fn cut_span(rng: &mut Entropy) -> Duration {
    Duration::from_secs(if rng.chance(0.3) { 70 + rng.below(100) } else { 1 + rng.below(55) })
}

fn millis(rng: &mut Entropy, most: u64) -> Duration {
    Duration::from_millis(rng.below(most))
}
