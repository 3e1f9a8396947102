// SPDX-License-Identifier: Apache-2.0

//! `/state`: all that a master knows, in one answer.

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::wire::Enumeration;

use super::members::{self, Members};
use super::sums::Sums;
use super::{Query, agents, frameworks, identity};
use crate::view::View;

pub(super) fn endpoint(view: &View) -> String {
    members::object(Dialect::V0, |w| {
        identity::write_program(w, view);
        write_master(w, view);
        let sums = Sums::of(&view.tables);
        w.put_list("slaves", view.tables.agents_by_id(), |w, (row, agent)| {
            w.object(|w| agents::write(w, view, agent, sums.agent(row)));
        });
        w.put_list("recovered_slaves", view.recovered.values(), |w, info| {
            w.object(|w| agents::write_info(w, info));
        });
        frameworks::write_all(w, view, Query(&[]), &sums);
        w.put_texts("orphan_tasks", frameworks::NONE);
        w.put_texts("unregistered_frameworks", frameworks::NONE);
    })
}

fn write_master(w: &mut JsonWriter<'_>, view: &View) {
    let (info, config) = (&view.info, &view.config);
    w.put_time("start_time", view.started);
    if let Some(time) = view.elected {
        w.put_time("elected_time", time);
    }
    w.put_text("id", &info.id);
    w.put_text("pid", &config.pid.to_string());
    w.put_text("hostname", info.hostname.as_deref().unwrap_or_default());
    let capabilities = info.capabilities.iter().filter_map(|capability| capability.r#type);
    w.put_texts("capabilities", capabilities.map(|kind| kind.v0_name()));
    let active = view.tables.agents.values().filter(|agent| agent.is_active()).count();
    w.put_number("activated_slaves", active as f64);
    w.put_number("deactivated_slaves", (view.tables.agents.len() - active) as f64);
    w.put_number("unreachable_slaves", view.registry.unreachable_count() as f64);
    if let Some(domain) = &info.domain {
        w.put_message("domain", domain);
    }
    if view.elected.is_some() {
        write_leader(w, view);
    }
    w.put_some_text("cluster", config.cluster.as_deref());
    w.put_some_text("log_dir", config.flags.get("log_dir").map(String::as_str));
    w.put_some_text("external_log_file", config.flags.get("external_log_file").map(String::as_str));
    identity::write_flags(w, view);
}

fn write_leader(w: &mut JsonWriter<'_>, view: &View) {
    let info = &view.info;
    w.put_some_text("leader", info.pid.as_deref());
    w.put_object("leader_info", |w| {
        w.put_text("id", &info.id);
        w.put_text("pid", info.pid.as_deref().unwrap_or_default());
        w.put_integer("port", info.port.into());
        w.put_text("hostname", info.hostname.as_deref().unwrap_or_default());
        if let Some(domain) = &info.domain {
            w.put_message("domain", domain);
        }
    });
}
