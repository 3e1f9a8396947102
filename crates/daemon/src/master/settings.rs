// SPDX-License-Identifier: Apache-2.0

//! What the flags mean to a master.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::Arc;

use kaon_api::libprocess::Upid;
use kaon_master::config::{PatternLimits, Sorter};
use kaon_master::{Config, Policy, RemovalRate, Return};
use kaon_model::{Credentials, Role, Span};

use crate::credentials::read_all;
use crate::domain::domain;
use crate::flags::Flags;
use crate::version::VERSION;

/// The hostname is among the flags by now. The error is a text for people.
pub fn config(flags: &Flags, address: SocketAddrV4) -> Result<Config, String> {
    let policy = match flags.text("allocator") {
        Some("priority") => Policy::Priority,
        _ => Policy::Hierarchical,
    };
    Ok(Config {
        pid: Upid::new("master", address),
        hostname: flags.text("hostname").unwrap_or_default().to_owned(),
        version: VERSION.to_owned(),
        cluster: flags.text("cluster").map(str::to_owned),
        agent_ping_timeout: flags.set_duration("agent_ping_timeout"),
        max_agent_ping_timeouts: u32::try_from(flags.set_integer("max_agent_ping_timeouts"))
            .unwrap_or(u32::MAX),
        agent_reregister_timeout: flags.set_duration("agent_reregister_timeout"),
        agent_removal_rate_limit: flags.text("agent_removal_rate_limit").map(removal_rate).transpose()?,
        recovery_agent_removal_limit: removal_limit(
            flags.text("recovery_agent_removal_limit").unwrap_or("100%"),
        )?,
        non_partition_aware_return: match flags.text("non_partition_aware_return") {
            Some("kill") => Return::Kill,
            _ => Return::Keep,
        },
        recovered_framework_timeout: flags.duration("recovered_framework_timeout"),
        allocation_interval: flags.set_duration("allocation_interval"),
        event_driven_allocation: flags.boolean("event_driven_allocation"),
        allocator: policy,
        offer_timeout: flags.duration("offer_timeout"),
        min_allocatable_resources: flags.text("min_allocatable_resources").unwrap_or_default().to_owned(),
        role_sorter: sorter(flags, "role_sorter"),
        framework_sorter: sorter(flags, "framework_sorter"),
        fair_sharing_excluded_resource_names: names(flags, "fair_sharing_excluded_resource_names"),
        pattern_limits: PatternLimits {
            memory: flags.set_bytes("offer_constraints_re2_max_mem"),
            program_size: flags.set_integer("offer_constraints_re2_max_program_size"),
        },
        allocator_agent_recovery_factor: flags.set_number("allocator_agent_recovery_factor"),
        allocator_recovery_timeout: flags.set_duration("allocator_recovery_timeout"),
        domain: flags.text("domain").map(domain).transpose()?,
        require_agent_domain: flags.boolean("require_agent_domain"),
        weights: weights(flags.text("weights").unwrap_or_default())?,
        roles: flags.text("roles").map(roles).transpose()?,
        root_submissions: flags.boolean("root_submissions"),
        filter_gpu_resources: flags.boolean("filter_gpu_resources"),
        authenticate_frameworks: flags.boolean("authenticate_frameworks"),
        authenticate_agents: flags.boolean("authenticate_agents"),
        credentials: credentials(flags)?,
        authentication_v0_timeout: flags.set_duration("authentication_v0_timeout"),
        max_completed_frameworks: flags.set_count("max_completed_frameworks"),
        max_completed_tasks_per_framework: flags.set_count("max_completed_tasks_per_framework"),
        max_unreachable_tasks_per_framework: flags.set_count("max_unreachable_tasks_per_framework"),
        max_operator_event_stream_subscribers: flags.set_count("max_operator_event_stream_subscribers"),
        flags: flags.shown(),
        ..Config::default()
    })
}

/// Whoever must prove who they are can do so only to a master that knows somebody.
fn credentials(flags: &Flags) -> Result<Option<Arc<Credentials>>, String> {
    let needed =
        ["authenticate_frameworks", "authenticate_agents"].into_iter().find(|flag| flags.boolean(flag));
    match (flags.text("credentials"), needed) {
        (Some(path), _) => {
            let read = read_all(path).map_err(|error| format!("{error} (see --credentials flag)"))?;
            Ok(Some(Arc::new(read)))
        }
        (None, Some(flag)) => Err(format!(
            "Failed to start master with authentication enabled: --{flag} needs --credentials, without which nobody \
             can be authenticated"
        )),
        (None, None) => Ok(None),
    }
}

/// `10/1mins`. The error is the text of Mesos.
fn removal_rate(text: &str) -> Result<RemovalRate, String> {
    let bad = |why: &str| {
        format!("Invalid agent_removal_rate_limit: {text}. Format is <Number of agents>/<Duration>{why}")
    };
    let (agents, within) =
        text.split_once('/').filter(|(_, rest)| !rest.contains('/')).ok_or_else(|| bad(""))?;
    let agents =
        agents.parse::<u32>().map_err(|_| bad(&format!(": Failed to convert '{agents}' to number")))?;
    let within = within.parse::<Span>().map_err(|error| bad(&format!(": {error}")))?;
    // Mesos: a rate of none, or in no time, ends it by an assertion.
    if agents == 0 || within <= Span::ZERO {
        return Err(bad(": both must be more than none"));
    }
    Ok(RemovalRate { agents, within: within.to_std() })
}

/// `50%`, as 0.5. The error is the text of Mesos, but for the name of the flag, which is another there.
fn removal_limit(text: &str) -> Result<f64, String> {
    let bad = |why: String| format!("Invalid value '{text}' for --recovery_agent_removal_limit: {why}");
    let number = text.strip_suffix('%').ok_or_else(|| bad("missing '%'".to_owned()))?;
    let percent: f64 = number.parse().map_err(|_| bad(format!("Failed to convert '{number}' to number")))?;
    if !(0.0..=100.0).contains(&percent) {
        return Err(bad("Must be within [0%-100%]".to_owned()));
    }
    Ok(percent / 100.0)
}

fn sorter(flags: &Flags, name: &str) -> Sorter {
    if flags.text(name) == Some("random") { Sorter::Random } else { Sorter::Policy }
}

/// `gpus,disk`
fn names(flags: &Flags, name: &str) -> Vec<String> {
    let text = flags.text(name).unwrap_or_default();
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// `a=1,b=2.5`
fn weights(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let mut weights = BTreeMap::new();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let bad = || {
            format!(
                "Invalid value in --weights: '{pair}' is not of the form role=weight with a positive weight"
            )
        };
        let (name, weight) = pair.trim().split_once('=').ok_or_else(bad)?;
        let weight: f64 = weight.parse().map_err(|_| bad())?;
        let role = Role::new(name).map_err(|error| format!("Invalid role in --weights: {error}"))?;
        if !weight.is_finite() || weight <= 0.0 {
            return Err(bad());
        }
        if weights.insert(role.to_string(), weight).is_some() {
            return Err(format!("Invalid value in --weights: the role '{role}' has two weights"));
        }
    }
    Ok(weights)
}

/// `a,b/c`. Mesos: the role `*` is always allowed.
fn roles(text: &str) -> Result<Vec<String>, String> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut roles = vec!["*".to_owned()];
    for name in names {
        let role = Role::new(name).map_err(|error| format!("Invalid role in --roles: {error}"))?;
        roles.push(role.to_string());
    }
    roles.dedup();
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_have_a_rate_and_a_limit() {
        let rate = |agents, secs| Ok(RemovalRate { agents, within: std::time::Duration::from_secs(secs) });
        assert_eq!(removal_rate("3/10mins"), rate(3, 600));
        for bad in ["3", "a/1mins", "1/x", "2/1mins/3", "0/1mins", "1/0secs", "-1/1secs", "1/-1secs"] {
            let text = removal_rate(bad).expect_err(bad);
            assert!(
                text.starts_with(&format!("Invalid agent_removal_rate_limit: {bad}. Format is <N")),
                "{text}"
            );
        }
        assert_eq!((removal_limit("0%"), removal_limit("12.5%")), (Ok(0.0), Ok(0.125)));
        for (bad, why) in [
            ("50", "missing '%'"),
            ("x%", "Failed to convert 'x' to number"),
            ("101%", "Must be within [0%-100%]"),
            ("-1%", "Must be within [0%-100%]"),
            ("NaN%", "Must be within [0%-100%]"),
        ] {
            let text = format!("Invalid value '{bad}' for --recovery_agent_removal_limit: {why}");
            assert_eq!(removal_limit(bad), Err(text));
        }
    }

    #[test]
    fn weights_are_pairs_of_a_role_and_a_positive_number() {
        assert_eq!(weights("a=1, b/c=2.5"), Ok(BTreeMap::from([("a".into(), 1.0), ("b/c".into(), 2.5)])));
        assert_eq!(weights(""), Ok(BTreeMap::new()));
        for bad in ["a", "a=", "a=0", "a=-1", "a=inf", "a=NaN", "/=1", "a=1,a=2", "=1"] {
            assert!(weights(bad).is_err(), "{bad}");
        }
    }
}
