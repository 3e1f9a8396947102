// SPDX-License-Identifier: Apache-2.0

//! How records are shown to people.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::table::{Column, Shown};

pub const AGENTS: [Column; 12] = [
    Column { title: "HOST", wide: false, show: |agent| plain(&agent["hostname"]) },
    Column { title: "ID", wide: false, show: |agent| shortened(&agent["id"]) },
    Column { title: "STATE", wide: false, show: |agent| plain(&agent["state"]) },
    Column { title: "TASKS", wide: false, show: |agent| Shown::Number(agent["tasks"].to_string()) },
    Column { title: "CPUS", wide: false, show: |agent| used_of(agent, "cpus") },
    Column { title: "MEM", wide: false, show: |agent| used_of(agent, "mem") },
    Column { title: "AGE", wide: false, show: |agent| age(&agent["registered"]) },
    Column { title: "DISK", wide: true, show: |agent| used_of(agent, "disk") },
    Column { title: "GPUS", wide: true, show: |agent| used_of(agent, "gpus") },
    Column { title: "ADDRESS", wide: true, show: |agent| plain(&agent["address"]) },
    Column { title: "VERSION", wide: true, show: |agent| plain(&agent["version"]) },
    Column { title: "FULL ID", wide: true, show: |agent| plain(&agent["id"]) },
];

pub const FRAMEWORKS: [Column; 11] = [
    Column { title: "NAME", wide: false, show: |framework| plain(&framework["name"]) },
    Column { title: "ID", wide: false, show: |framework| shortened(&framework["id"]) },
    Column { title: "STATE", wide: false, show: |framework| plain(&framework["state"]) },
    Column { title: "ROLES", wide: false, show: |framework| list(&framework["roles"]) },
    Column { title: "TASKS", wide: false, show: |framework| Shown::Number(framework["tasks"].to_string()) },
    Column { title: "CPUS", wide: false, show: |framework| amount(&framework["used"], "cpus") },
    Column { title: "MEM", wide: false, show: |framework| amount(&framework["used"], "mem") },
    Column { title: "AGE", wide: false, show: |framework| age(&framework["registered"]) },
    Column { title: "USER", wide: true, show: |framework| plain(&framework["user"]) },
    Column { title: "HOST", wide: true, show: |framework| plain(&framework["hostname"]) },
    Column { title: "FULL ID", wide: true, show: |framework| plain(&framework["id"]) },
];

pub const TASKS: [Column; 12] = [
    Column { title: "ID", wide: false, show: |task| plain(&task["id"]) },
    Column { title: "NAME", wide: false, show: |task| plain(&task["name"]) },
    Column { title: "STATE", wide: false, show: |task| plain(&task["state"]) },
    Column { title: "FRAMEWORK", wide: false, show: |task| plain(&task["framework"]) },
    Column { title: "HOST", wide: false, show: |task| plain(&task["hostname"]) },
    Column { title: "CPUS", wide: false, show: |task| amount(&task["resources"], "cpus") },
    Column { title: "MEM", wide: false, show: |task| amount(&task["resources"], "mem") },
    Column { title: "AGE", wide: false, show: |task| age(&task["first_update"]) },
    Column { title: "ROLE", wide: true, show: |task| plain(&task["role"]) },
    Column { title: "FRAMEWORK ID", wide: true, show: |task| plain(&task["framework_id"]) },
    Column { title: "AGENT ID", wide: true, show: |task| plain(&task["agent_id"]) },
    Column { title: "CONTAINER", wide: true, show: |task| plain(&task["container_id"]) },
];

/// The cluster in a few lines.
pub fn describe_cluster(cluster: &Value) -> String {
    let mut out = String::new();
    let mut line = |title: &str, text: String| out.push_str(&format!("{title:<11} {text}\n"));
    let name = cluster["cluster"].as_str().map_or(String::new(), |name| format!("{name}, "));
    let version = cluster["version"].as_str().unwrap_or("?");
    let Shown::Text(up) = age(&cluster["started"]) else { return out };
    line("master", format!("{name}{}, version {version}, up {up}", word(&cluster["master"])));
    if cluster["leader"] != cluster["master"] {
        line("leader", word(&cluster["leader"]).to_owned());
    }
    line("agents", counts(&cluster["agents"], &["active"]));
    line("frameworks", counts(&cluster["frameworks"], &["active"]));
    line("tasks", counts(&cluster["tasks"], &["running"]));
    for (name, what) in [("cpus", "cpus"), ("mem", "memory"), ("disk", "disk"), ("gpus", "gpus")] {
        let resource = &cluster["resources"][name];
        let [total, used, offered] =
            ["total", "used", "offered"].map(|of| resource[of].as_f64().unwrap_or(0.0));
        if total > 0.0 {
            let percent = 100.0 * used / total;
            let [total, used, offered] = [total, used, offered].map(|amount| quantity(name, amount));
            line(what, format!("{used} of {total} used ({percent:.0} %), {offered} offered"));
        }
    }
    out
}

/// `3 active, 1 unreachable`; of what is not `always` told only what there is.
fn counts(counts: &Value, always: &[&str]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let count = |name: &str| counts[name].as_f64().unwrap_or(0.0);
    parts.extend(always.iter().map(|name| format!("{} {name}", count(name))));
    let others = counts.as_object().into_iter().flat_map(|counts| counts.keys());
    for name in others.filter(|name| !always.contains(&name.as_str()) && count(name) > 0.0) {
        parts.push(format!("{} {name}", count(name)));
    }
    parts.join(", ")
}

fn word(value: &Value) -> &str {
    value.as_str().filter(|text| !text.is_empty()).unwrap_or("-")
}

fn plain(value: &Value) -> Shown {
    Shown::Text(word(value).to_owned())
}

/// `9faade45-S0`: ids begin with that of the master that gave them, of which the first letters will do.
pub fn short_id(id: &str) -> String {
    let short =
        id.split_once('-').zip(id.rsplit_once('-')).map(|((first, _), (_, last))| format!("{first}-{last}"));
    short.unwrap_or_else(|| id.to_owned())
}

fn shortened(id: &Value) -> Shown {
    Shown::Text(short_id(word(id)))
}

fn list(values: &Value) -> Shown {
    let items = values.as_array().into_iter().flatten();
    Shown::Text(items.map(word).collect::<Vec<_>>().join(","))
}

fn amount(resources: &Value, name: &str) -> Shown {
    Shown::Number(resources[name].as_f64().map_or("-".to_owned(), |amount| quantity(name, amount)))
}

fn used_of(agent: &Value, name: &str) -> Shown {
    let [used, total] = ["used", "resources"].map(|of| agent[of][name].as_f64());
    Shown::Number(match total {
        None => "-".to_owned(),
        Some(total) => format!("{}/{}", quantity(name, used.unwrap_or(0.0)), quantity(name, total)),
    })
}

/// Memory and disk are counted in MiB; the rest in pieces, to a thousandth.
fn quantity(name: &str, amount: f64) -> String {
    let rounded = |amount: f64, digits: usize| {
        let text = format!("{amount:.digits$}");
        let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        text.to_owned()
    };
    match name {
        "mem" | "disk" if amount >= 1024.0 * 1024.0 => format!("{}T", rounded(amount / 1024.0 / 1024.0, 1)),
        "mem" | "disk" if amount >= 1024.0 => format!("{}G", rounded(amount / 1024.0, 1)),
        "mem" | "disk" => format!("{}M", rounded(amount, 0)),
        _ => rounded(amount, 3),
    }
}

/// How long ago a time in seconds since the epoch was.
fn age(time: &Value) -> Shown {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let seconds = time.as_f64().filter(|time| *time > 0.0).map(|time| (now - time).max(0.0) as u64);
    Shown::Text(seconds.map_or("-".to_owned(), |seconds| match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::lay_out;
    use serde_json::json;

    #[test]
    fn amounts_are_readable() {
        let shown =
            [("cpus", 0.1), ("cpus", 4.0), ("cpus", 10.25), ("mem", 512.0), ("mem", 15872.0), ("disk", 3e6)];
        let shown = shown.map(|(name, amount)| quantity(name, amount));
        assert_eq!(shown, ["0.1", "4", "10.25", "512M", "15.5G", "2.9T"]);
    }

    #[test]
    fn an_agent_is_one_line() {
        let agent = json!({
            "hostname": "h", "id": "abc-def-S12", "state": "active", "tasks": 2,
            "resources": { "cpus": 4.0, "mem": 1024.0 }, "used": { "cpus": 0.5, "mem": 64.0 }
        });
        let table = lay_out(&AGENTS, &[agent], false, None);
        let words: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(words, ["h", "abc-S12", "active", "2", "0.5/4", "64M/1G", "-"]);
    }

    #[test]
    fn a_cluster_is_described() {
        let cluster = json!({
            "master": "m:1", "leader": "m:1", "version": "1.11.0",
            "agents": { "active": 3.0, "unreachable": 1.0, "inactive": 0.0 }, "frameworks": { "active": 0 },
            "tasks": { "finished": 2, "running": 7 }, "resources": { "cpus": { "total": 8.0, "used": 2.0, "offered": 1.0 } }
        });
        let text = describe_cluster(&cluster);
        assert!(text.contains("agents      3 active, 1 unreachable\n"), "{text}");
        assert!(text.contains("tasks       7 running, 2 finished\n"), "{text}");
        assert!(text.contains("cpus        2 of 8 used (25 %), 1 offered\n"), "{text}");
        assert!(!text.contains("leader") && !text.contains("disk"), "{text}");
    }
}
