// SPDX-License-Identifier: Apache-2.0

//! Numbers for those who watch a daemon: the core's own, the shell's, and the host's.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use kaon_api::json::{Dialect, JsonWriter};

/// By their names in Mesos: `master/tasks_running`.
pub type Metrics = BTreeMap<String, f64>;

/// What the shell counts.
#[derive(Debug, Default)]
pub struct Counters {
    pub http_requests: AtomicU64,
    pub messages_received: AtomicU64,
    /// Messages that no core was given: unknown, broken, or not for us.
    pub messages_dropped: AtomicU64,
    /// Event streams cut because their clients read too slowly.
    pub streams_cut: AtomicU64,
    /// Records and snapshots that were given to the registry's store, and their bytes.
    pub registry_writes: AtomicU64,
    pub registry_bytes: AtomicU64,
}

impl Counters {
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What a master adds to these: agents have no registry.
    pub fn collect_registry(&self, metrics: &mut Metrics) {
        for (name, counter) in
            [("kaon/registry_writes", &self.registry_writes), ("kaon/registry_bytes", &self.registry_bytes)]
        {
            metrics.insert(name.to_owned(), counter.load(Ordering::Relaxed) as f64);
        }
    }

    pub fn collect(&self, metrics: &mut Metrics) {
        let counters = [
            ("kaon/http_requests", &self.http_requests),
            ("kaon/messages_received", &self.messages_received),
            ("kaon/messages_dropped", &self.messages_dropped),
            ("kaon/streams_cut", &self.streams_cut),
        ];
        metrics.extend(
            counters.map(|(name, counter)| (name.to_owned(), counter.load(Ordering::Relaxed) as f64)),
        );
    }
}

/// The load and the memory of the host, as `/system/stats.json` names them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct System {
    pub load: [f64; 3],
    pub cpus: f64,
    pub memory: f64,
    pub free_memory: f64,
}

impl System {
    pub fn now() -> System {
        let info = rustix::system::sysinfo();
        // The kernel's loads are fixed-point numbers with 16 bits behind the point.
        let load = info.loads.map(|load| load as f64 / 65_536.0);
        let unit = f64::from(info.mem_unit.max(1));
        System {
            load,
            cpus: std::thread::available_parallelism().map_or(1.0, |cpus| cpus.get() as f64),
            memory: info.totalram as f64 * unit,
            free_memory: info.freeram as f64 * unit,
        }
    }

    pub fn collect(&self, metrics: &mut Metrics) {
        let [one, five, fifteen] = self.load;
        let values = [
            ("system/load_1min", one),
            ("system/load_5min", five),
            ("system/load_15min", fifteen),
            ("system/cpus_total", self.cpus),
            ("system/mem_total_bytes", self.memory),
            ("system/mem_free_bytes", self.free_memory),
        ];
        metrics.extend(values.map(|(name, value)| (name.to_owned(), value)));
    }

    /// The body of `/system/stats.json`. Mesos: what counts things is written without a point.
    pub fn json(&self) -> Vec<u8> {
        let [one, five, fifteen] = self.load;
        let mut out = Vec::new();
        JsonWriter::new(&mut out, Dialect::V0).object(|w| {
            for (name, load) in [("avg_load_15min", fifteen), ("avg_load_1min", one), ("avg_load_5min", five)]
            {
                w.key(name);
                w.double(load);
            }
            let counts = [
                ("cpus_total", self.cpus),
                ("mem_free_bytes", self.free_memory),
                ("mem_total_bytes", self.memory),
            ];
            for (name, count) in counts {
                w.key(name);
                w.display(count as u64);
            }
        });
        out
    }
}

/// The body of `/metrics/snapshot`.
pub fn snapshot(metrics: &Metrics) -> Vec<u8> {
    let mut out = Vec::new();
    JsonWriter::new(&mut out, Dialect::V0).object(|w| {
        for (name, value) in metrics {
            w.key(name);
            w.double(*value);
        }
    });
    out
}

pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The body of `/metrics`, in the form of OpenMetrics: `mesos_master_tasks_running 3.0`.
///
/// Names that differ only in signs which OpenMetrics does not allow are given once, as it allows no name twice.
pub fn open_metrics(metrics: &Metrics) -> String {
    let mut out = String::new();
    let mut named = BTreeMap::new();
    for (name, value) in metrics {
        let word = |sign: char| if sign.is_ascii_alphanumeric() { sign } else { '_' };
        named.entry(name.chars().map(word).collect::<String>()).or_insert(*value);
    }
    for (name, value) in named {
        writeln!(out, "# TYPE mesos_{name} unknown\nmesos_{name} {value:?}")
            .expect("writing to a string succeeds");
    }
    out.push_str("# EOF\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_set_of_numbers_has_two_forms() {
        let metrics = Metrics::from([
            ("master/tasks_running".to_owned(), 3.0),
            ("master/frameworks/a%20b/x-0001/calls".to_owned(), 0.5),
            ("master/frameworks/a.20b/x.0001/calls".to_owned(), 0.25),
        ]);
        assert_eq!(
            String::from_utf8(snapshot(&metrics)).unwrap(),
            "{\"master/frameworks/a%20b/x-0001/calls\":0.5,\"master/frameworks/a.20b/x.0001/calls\":0.25,\
             \"master/tasks_running\":3.0}"
        );
        assert_eq!(
            open_metrics(&metrics),
            "# TYPE mesos_master_frameworks_a_20b_x_0001_calls unknown\n\
             mesos_master_frameworks_a_20b_x_0001_calls 0.5\n\
             # TYPE mesos_master_tasks_running unknown\nmesos_master_tasks_running 3.0\n# EOF\n"
        );
    }

    #[test]
    fn the_host_is_measured() {
        let system = System::now();
        assert!(system.memory > system.free_memory && system.free_memory > 0.0 && system.cpus >= 1.0);
        assert!(String::from_utf8(system.json()).unwrap().starts_with("{\"avg_load_15min\":"));
    }
}
