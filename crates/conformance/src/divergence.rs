// SPDX-License-Identifier: Apache-2.0

//! The differences on purpose that the suite meets, by their numbers in `docs/divergence.md`.

use crate::difference::{Difference, What};

pub struct Divergence {
    /// The row of `docs/divergence.md`.
    pub number: u32,
    /// The exchanges by name; a star at the end stands for any ending.
    pub exchanges: &'static [&'static str],
    /// The exact places in the answer, with `[]` for any element of a list.
    pub paths: &'static [&'static str],
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Missing,
    Extra,
    Other,
}

const STATES: &[&str] = &[
    "master_GET__master_state_framework_id_x",
    "master_GET__state",
    "master_GET__state_jsonp_cb",
    "quirk_GET_state_slash",
    "quirk_double_slash",
    "quirk_gzip",
];

pub const DIVERGENCES: &[Divergence] = &[
    Divergence {
        number: 1,
        exchanges: STATES,
        paths: &["$.flags.event_driven_allocation"],
        kind: Kind::Extra,
    },
    Divergence {
        number: 1,
        exchanges: &["master_GET__flags", "master_v1_GET_FLAGS"],
        paths: &["$.flags.event_driven_allocation", "$.get_flags.flags.event_driven_allocation"],
        kind: Kind::Extra,
    },
    Divergence {
        number: 8,
        exchanges: &[
            "master_GET__metrics_snapshot",
            "agent_GET__metrics_snapshot",
            "master_v1_GET_METRICS",
            "agent_v1_GET_METRICS",
        ],
        paths: &[
            "$.kaon/agents_deactivated",
            "$.kaon/agents_drained",
            "$.kaon/agents_draining",
            "$.kaon/agents_gone",
            "$.kaon/disk_full",
            "$.kaon/draining",
            "$.kaon/http_requests",
            "$.kaon/machines_down",
            "$.kaon/machines_draining",
            "$.kaon/messages_dropped",
            "$.kaon/messages_received",
            "$.kaon/registry_bytes",
            "$.kaon/registry_writes",
            "$.kaon/streams_cut",
        ],
        kind: Kind::Extra,
    },
    Divergence {
        number: 22,
        exchanges: &["master_GET__master_state_json", "master_GET__roles_json"],
        paths: &["status", "header:Content-Type", "body"],
        kind: Kind::Other,
    },
    Divergence {
        number: 61,
        exchanges: STATES,
        paths: &["$.flags.non_partition_aware_return"],
        kind: Kind::Extra,
    },
    Divergence {
        number: 61,
        exchanges: &["master_GET__flags", "master_v1_GET_FLAGS"],
        paths: &["$.flags.non_partition_aware_return", "$.get_flags.flags.non_partition_aware_return"],
        kind: Kind::Extra,
    },
    Divergence { number: 23, exchanges: STATES, paths: &["$.kaon_version"], kind: Kind::Extra },
    Divergence {
        number: 23,
        exchanges: &[
            "agent_GET__slave_1_state",
            "agent_GET__state",
            "agent_GET__version",
            "live_agent_GET__slave_1__state",
            "master_GET__version",
            "quirk_OPTIONS_version",
            "quirk_basic_auth_ignored",
            "quirk_http10",
        ],
        paths: &["$.kaon_version"],
        kind: Kind::Extra,
    },
    Divergence {
        number: 46,
        exchanges: &["quirk_HEAD_version"],
        paths: &["header:Content-Length", "body"],
        kind: Kind::Other,
    },
    Divergence {
        number: 47,
        exchanges: &["master_GET____processes__"],
        paths: &["$[]"],
        kind: Kind::Missing,
    },
    Divergence {
        number: 48,
        exchanges: STATES,
        paths: &["$.capabilities[]", "$.slaves[].capabilities[]"],
        kind: Kind::Missing,
    },
    Divergence {
        number: 48,
        exchanges: &[
            "agent_GET__slave_1_state",
            "agent_GET__state",
            "call_*",
            "live_*",
            "master_GET__registrar_1_registry",
            "master_GET__slaves",
            "master_GET__state_summary",
            "master_v1_GET_AGENTS",
            "master_v1_GET_MASTER",
            "master_v1_GET_STATE",
            "operator_SUBSCRIBE_json",
            "quirk_GET_slaves_query",
            "quirk_POST_slaves_id",
            "sched_*",
        ],
        paths: &[
            "$.capabilities[]",
            "$.slaves[].capabilities[]",
            "$.master.info.capabilities[]",
            "$.get_agents.agents[].capabilities[]",
            "$.get_master.master_info.capabilities[]",
            "$.get_state.get_agents.agents[].capabilities[]",
            "$[].subscribed.get_state.get_agents.agents[].capabilities[]",
            "$[].subscribed.master_info.capabilities[]",
        ],
        kind: Kind::Missing,
    },
    Divergence {
        number: 49,
        exchanges: &[
            "live_agent_GET__monitor_statistics",
            "live_agent_GET__slave_1__containers",
            "live_agent_v1_GET_CONTAINERS",
        ],
        paths: &[
            "$[].statistics.processes",
            "$[].statistics.threads",
            "$.get_containers.containers[].resource_statistics.processes",
            "$.get_containers.containers[].resource_statistics.threads",
        ],
        kind: Kind::Extra,
    },
];

/// The row that explains a difference, if one does.
pub fn explains(exchange: &str, difference: &Difference) -> Option<&'static Divergence> {
    let kind = match &difference.what {
        What::Missing(_) => Kind::Missing,
        What::Extra(_) => Kind::Extra,
        What::Other { .. } => Kind::Other,
    };
    let path = any_element(&difference.path);
    let named = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(beginning) => exchange.starts_with(beginning),
        None => exchange == *pattern,
    };
    DIVERGENCES
        .iter()
        .find(|row| row.kind == kind && row.exchanges.iter().any(named) && row.paths.contains(&&*path))
}

/// `$.slaves[0].id` as `$.slaves[].id`.
fn any_element(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        out.push('[');
        rest = after.trim_start_matches(|sign: char| sign.is_ascii_digit());
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_the_book() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/divergence.md");
        let book = std::fs::read_to_string(path).unwrap();
        for row in DIVERGENCES {
            assert!(book.contains(&format!("\n| {} |", row.number)), "row {} is not in {path}", row.number);
        }
    }

    #[test]
    fn elements_of_lists_are_alike() {
        assert_eq!(any_element("$[12].a[0].b"), "$[].a[].b");
    }
}
