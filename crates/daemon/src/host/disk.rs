// SPDX-License-Identifier: Apache-2.0

//! What executors use of the disk, as the isolator `disk/du` of Mesos measures and limits it.
//!
//! A sandbox is measured with all that lies in it, against the disk that its executor and tasks hold; a persistent volume,
//! to which only a link leads from there, against its own size. What has no disk among its resources is not looked at.
//! Nothing confines a task to its sandbox: this finds those that use too much by mistake.

mod walk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use kaon_agent::effect::Update;
use kaon_agent::input::{ContainerEvent, Input, Limit};
use kaon_agent::journal::VolumeFolder;
use kaon_api::v1::{DiskStatistics, ResourceStatistics};
use kaon_model::{Bytes, ContainerId, DiskKind, Resources};
use tokio::sync::mpsc;

use super::volumes::place;
use super::{DiskWatch, HostError};

/// The persistent volume that is measured; none for the sandbox.
type Place = Option<VolumeFolder>;

#[derive(Debug, Default)]
struct Quota {
    resources: Resources,
    /// None before it was measured for the first time.
    used: Option<Bytes>,
}

impl Quota {
    /// Mesos: in whole megabytes.
    fn bytes(&self) -> Bytes {
        Bytes::from_megabytes(self.resources.get_scalar("disk").to_f64() as u64)
    }

    /// Mesos: a mounted disk is full when it is full.
    fn is_enforced(&self) -> bool {
        let source = |disk: &kaon_model::DiskInfo| disk.source.as_ref().map(|source| source.kind);
        let mut disks = self.resources.iter().filter_map(|one| one.disk.as_deref());
        !disks.any(|disk| source(disk) == Some(DiskKind::Mount))
    }
}

/// What is watched of an executor.
#[derive(Debug, Default)]
struct Watched {
    sandbox: String,
    quotas: BTreeMap<Place, Quota>,
}

/// Bound: as many executors as the core has.
type Table = BTreeMap<ContainerId, Watched>;

/// The figures that were measured last.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures(Arc<Mutex<Table>>);

impl Figures {
    /// The table is whole between any two of its operations.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, Update { container, sandbox, resources }: Update) {
        let mut table = self.table();
        let mut quotas = quotas(&resources);
        if quotas.is_empty() {
            table.remove(&container);
            return;
        }
        let watched = table.entry(container).or_default();
        for (place, quota) in &mut quotas {
            quota.used = watched.quotas.get(place).and_then(|before| before.used);
        }
        (watched.sandbox, watched.quotas) = (sandbox, quotas);
    }

    /// Adds what is known of an executor. Mesos: the sandbox stands last, and counts as 0 until it was measured.
    pub(super) fn tell(&self, container: &ContainerId, told: &mut ResourceStatistics) {
        let table = self.table();
        let Some(watched) = table.get(container) else { return };
        for (_, quota) in watched.quotas.iter().filter(|(place, _)| place.is_some()) {
            let disk = quota.resources.to_wire().into_iter().next().and_then(|first| first.disk);
            told.disk_statistics.push(DiskStatistics {
                source: disk.as_ref().and_then(|disk| disk.source.clone()),
                persistence: disk.as_ref().and_then(|disk| disk.persistence.clone()),
                limit_bytes: Some(quota.bytes().0),
                used_bytes: quota.used.map(|used| used.0),
                ..Default::default()
            });
        }
        if let Some(quota) = watched.quotas.get(&None) {
            let (limit_bytes, used_bytes) = (Some(quota.bytes().0), Some(quota.used.unwrap_or_default().0));
            (told.disk_limit_bytes, told.disk_used_bytes) = (limit_bytes, used_bytes);
            told.disk_statistics.push(DiskStatistics { limit_bytes, used_bytes, ..Default::default() });
        }
    }

    /// All that is to be measured.
    fn tasks(&self) -> Vec<(ContainerId, String, Vec<Place>)> {
        let task = |(container, watched): (&ContainerId, &Watched)| {
            (container.clone(), watched.sandbox.clone(), watched.quotas.keys().cloned().collect())
        };
        self.table().iter().map(task).collect()
    }

    /// Notes what was measured. If it is too much, it comes back as what the core is told, each time: the core passes over
    /// what comes before it has noted the executor, and what it knows already.
    fn note(
        &self,
        container: &ContainerId,
        place: &Place,
        used: Bytes,
        enforce: bool,
    ) -> Option<ContainerEvent> {
        let mut table = self.table();
        let watched = table.get_mut(container)?;
        let quota = watched.quotas.get_mut(place)?;
        quota.used = Some(used);
        let limit = quota.bytes();
        if !enforce || used <= limit || !quota.is_enforced() {
            return None;
        }
        Some(ContainerEvent::Limitation {
            limit: Limit::Disk,
            message: format!("Disk usage ({used}) exceeds quota ({limit})"),
            resources: quota.resources.to_wire(),
        })
    }
}

/// What is to be measured, and against what.
fn quotas(resources: &Resources) -> BTreeMap<Place, Quota> {
    let mut quotas: BTreeMap<Place, Quota> = BTreeMap::new();
    for resource in resources.iter().filter(|resource| resource.name.as_str() == "disk") {
        let is_volume = resource.disk.as_ref().is_some_and(|disk| disk.volume.is_some());
        let place = match (is_volume, VolumeFolder::of(resource)) {
            (false, _) => None,
            (true, Some(folder)) => Some(folder),
            // No container is launched with such a one.
            (true, None) => continue,
        };
        quotas.entry(place).or_default().resources.insert(resource);
    }
    quotas
}

/// The thread that measures. It ends when this is dropped, or `closing` says so.
pub(super) struct Disk {
    figures: Figures,
    _end: Sender<()>,
}

impl Disk {
    pub(super) fn start(
        watch: DiskWatch,
        work_dir: PathBuf,
        inputs: mpsc::Sender<Input>,
        closing: Arc<AtomicBool>,
    ) -> Result<Disk, HostError> {
        let figures = Figures::default();
        let (sender, end) = channel();
        let surveyor = Surveyor { watch, work_dir, figures: figures.clone(), inputs, closing };
        let thread = Builder::new().name("disk".to_owned()).spawn(move || surveyor.work(&end));
        thread.map_err(|error| HostError::Thread { name: "disk", error })?;
        Ok(Disk { figures, _end: sender })
    }

    pub(super) fn update(&self, update: Update) {
        self.figures.update(update);
    }

    pub(super) fn figures(&self) -> Figures {
        self.figures.clone()
    }
}

struct Surveyor {
    watch: DiskWatch,
    work_dir: PathBuf,
    figures: Figures,
    inputs: mpsc::Sender<Input>,
    closing: Arc<AtomicBool>,
}

impl Surveyor {
    /// Mesos: measures one folder in each interval, however many there are; here all of them, one after another.
    fn work(&self, end: &Receiver<()>) {
        while end.recv_timeout(self.watch.interval) == Err(RecvTimeoutError::Timeout) {
            for (container, sandbox, places) in self.figures.tasks() {
                for place in places {
                    self.measure(&container, &sandbox, &place);
                }
            }
        }
    }

    fn measure(&self, container: &ContainerId, sandbox: &str, place_of: &Place) {
        let path = match place_of {
            None => Ok(self.work_dir.join(sandbox)),
            Some(folder) => place(&self.work_dir, folder),
        };
        let goes_on = || !self.closing.load(Ordering::Relaxed);
        let used = match path.and_then(|path| walk::usage(&path, goes_on)) {
            Ok(Some(used)) => used,
            // It is not there yet, or not any more; or this process ends.
            Ok(None) => return,
            Err(error) => {
                return tracing::warn!("Cannot measure the disk use of container {container}: {error}");
            }
        };
        if let Some(event) = self.figures.note(container, place_of, used, self.watch.enforce) {
            // Nobody listens only when the process is about to end.
            let _ = self.inputs.blocking_send(Input::Container { container: container.clone(), event });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use kaon_api::json::{Dialect, from_json, parse};
    use kaon_model::Role;

    use super::*;
    use crate::host::path::fresh_name;

    fn update(text: &str) -> Update {
        let role: Role = "*".parse().expect("a role");
        let resources = Resources::parse(text, &role).expect("resources");
        Update { container: "c".into(), sandbox: "s".to_string(), resources }
    }

    fn told(figures: &Figures) -> ResourceStatistics {
        let mut told = ResourceStatistics::default();
        figures.tell(&"c".into(), &mut told);
        told
    }

    #[test]
    fn what_uses_more_than_it_holds_is_reported_until_it_is_gone() {
        let figures = Figures::default();
        let note = |used: u64, enforce| figures.note(&"c".into(), &None, Bytes(used), enforce);
        assert_eq!(note(1, true), None, "nothing is known of it");
        figures.update(update("cpus:1;disk:10.9"));
        assert_eq!(
            (told(&figures).disk_used_bytes, told(&figures).disk_limit_bytes),
            (Some(0), Some(10 << 20))
        );
        assert_eq!(note(10 << 20, true), None, "just enough");
        assert_eq!(note(11 << 20, false), None, "nothing is enforced");
        assert_eq!(told(&figures).disk_used_bytes, Some(11 << 20));
        figures.update(update("cpus:1;disk:20"));
        assert_eq!(told(&figures).disk_used_bytes, Some(11 << 20), "it is still there");
        let expected = ContainerEvent::Limitation {
            limit: Limit::Disk,
            message: "Disk usage (21MB) exceeds quota (20MB)".to_string(),
            resources: update("disk:20").resources.to_wire(),
        };
        assert_eq!(note(21 << 20, true).as_ref(), Some(&expected));
        assert_eq!(note(21 << 20, true), Some(expected), "the core may have passed over the first");
        figures.update(update("cpus:1"));
        assert_eq!((told(&figures).disk_used_bytes, figures.tasks().len()), (None, 0));
        assert_eq!(note(21 << 20, true), None, "it is gone");
    }

    #[test]
    fn all_are_measured_in_each_interval() {
        let work_dir = std::env::temp_dir().join(format!("kaon-disk-{}", fresh_name().expect("a name")));
        let (sender, mut inputs) = mpsc::channel(1);
        let interval = Duration::from_millis(500);
        let watch = DiskWatch { interval, enforce: true };
        let disk = Disk::start(watch, work_dir.clone(), sender, Arc::default()).expect("a thread");
        let names: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
        for name in &names {
            fs::create_dir_all(work_dir.join(name)).expect("a sandbox");
            let update = update("disk:1");
            disk.update(Update { container: name.as_str().into(), sandbox: name.clone(), ..update });
        }
        // The folder of this one is not there yet.
        disk.update(Update { container: "late".into(), sandbox: "late".to_string(), ..update("disk:1") });
        fs::write(work_dir.join("c19/large"), vec![1; 2 << 20]).expect("a file");
        let before = Instant::now();
        let Some(Input::Container { container, event }) = inputs.blocking_recv() else { panic!("no news") };
        let ContainerEvent::Limitation { limit: Limit::Disk, message, .. } = event else {
            panic!("{event:?}")
        };
        assert!(container == *"c19" && message.ends_with(" exceeds quota (1MB)"), "{container}: {message}");
        while disk.figures().table().values().filter(|one| one.quotas[&None].used.is_some()).count() < 20 {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(before.elapsed() < 10 * interval, "one after another in each interval took longer");
        fs::remove_dir_all(&work_dir).expect("it is there");
    }

    #[test]
    fn volumes_have_quotas_of_their_own() {
        let disk = |text: &str| {
            let json = parse(text.as_bytes()).expect("JSON");
            from_json::<kaon_api::v1::Resource>(&json, Dialect::V1)
        };
        let volume = |id: &str, source: &str| {
            let text = format!(
                r#"{{"name":"disk","type":"SCALAR","scalar":{{"value":5}},"reservations":[{{"type":"DYNAMIC","role":"a"}}],
                "disk":{{"persistence":{{"id":"{id}"}},"volume":{{"container_path":"p","mode":"RW"}}{source}}}}}"#
            );
            disk(&text).expect("a resource")
        };
        let mount = r#","source":{"type":"MOUNT","mount":{"root":"/mnt/d"}}"#;
        let plain = disk(r#"{"name":"disk","type":"SCALAR","scalar":{"value":3}}"#).expect("a resource");
        let resources =
            Resources::from_wire(&[volume("v", ""), volume("m", mount), plain]).expect("resources");
        let figures = Figures::default();
        figures.update(Update { container: "c".into(), sandbox: "s".to_string(), resources });
        let [(_, _, places)] = &figures.tasks()[..] else { panic!("one executor") };
        let [None, Some(own), Some(mounted)] = &places[..] else { panic!("{places:?}") };
        assert_eq!((own.path.as_str(), mounted.disk.as_deref()), ("volumes/roles/a/v", Some("/mnt/d")));
        let much = Bytes(6 << 20);
        assert_eq!(
            figures.note(&"c".into(), &places[2], much, true),
            None,
            "the file system keeps its limit"
        );
        let event = figures.note(&"c".into(), &places[1], much, true).expect("too much");
        let ContainerEvent::Limitation { message, .. } = event else { panic!("{event:?}") };
        assert_eq!(message, "Disk usage (6MB) exceeds quota (5MB)");
        let told = told(&figures);
        let figures: Vec<_> =
            told.disk_statistics.iter().map(|one| (one.limit_bytes, one.used_bytes)).collect();
        let mega = |count: u64| Some(count << 20);
        assert_eq!(figures, [(mega(5), mega(6)), (mega(5), mega(6)), (mega(3), Some(0))]);
        assert!(told.disk_statistics[1].source.is_some() && told.disk_statistics[0].persistence.is_some());
    }
}
