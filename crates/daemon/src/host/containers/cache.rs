// SPDX-License-Identifier: Apache-2.0

//! What was fetched before, and need not be fetched again.
//!
//! One fetch brings a URI into the cache, and whoever wants the same meanwhile waits for it. Mesos: each user has a
//! cache of its own; what lies there is forgotten when the agent starts; what was used longest ago goes first.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kaon_containerizer::fetcher::{Action, Item, Uri};
use kaon_containerizer::user::Credentials;
use rustix::process::geteuid;
use tokio::sync::watch;

use super::super::removal;
use super::text;

/// Nobody but its user looks into a cache.
const PRIVATE: u32 = 0o700;
/// All may pass through the folder around the caches.
const PASSAGE: u32 = 0o711;

/// The cache of one agent.
pub(super) struct Cache {
    folder: PathBuf,
    /// Bound: bytes that are kept. What is just being fetched or handed out comes on top.
    size: u64,
    state: Mutex<State>,
}

/// As whom something was fetched, and from where.
type Key = (String, String);

#[derive(Default)]
struct State {
    entries: BTreeMap<Key, Entry>,
    /// Bytes of all entries that are there.
    used: u64,
    /// Counts uses; the entry with the lowest was used longest ago.
    uses: u64,
}

struct Entry {
    name: String,
    size: u64,
    /// How many fetches use it.
    users: u32,
    last_use: u64,
    /// Whether it is there; before that is known, whoever wants it waits.
    ready: watch::Receiver<Option<bool>>,
}

/// What one fetch takes from the cache, or brings into it. Dropping it gives everything back.
pub(super) struct Lease {
    cache: Arc<Cache>,
    user: String,
    pub folder: PathBuf,
    /// The URIs of the entries that it uses, each with the entry's name: another may have taken its place.
    used: Vec<(String, String)>,
    /// Those that it is to fetch.
    owed: Vec<(String, watch::Sender<Option<bool>>)>,
}

impl Cache {
    /// Begins empty. The error is a text for people.
    pub(super) fn open(folder: &Path, size: u64) -> Result<Cache, String> {
        let failed = |error: io::Error| {
            format!("The folder '{}' of --fetcher_cache_dir cannot be used: {error}", folder.display())
        };
        let around = folder.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().recursive(true).mode(0o755).create(around).map_err(failed)?;
        let owner = fs::metadata(around).map_err(failed)?.uid();
        if owner != geteuid().as_raw() {
            // Whoever owns it could put another folder in the place of ours.
            return Err(format!(
                "The folder '{}' of --fetcher_cache_dir belongs to another user",
                around.display()
            ));
        }
        // What lies there belongs to the tasks' users.
        removal::remove(folder).map_err(failed)?;
        DirBuilder::new().mode(PASSAGE).create(folder).map_err(failed)?;
        fs::set_permissions(folder, Permissions::from_mode(PASSAGE)).map_err(failed)?;
        Ok(Cache { folder: folder.to_path_buf(), size, state: Mutex::default() })
    }

    /// Turns URIs into items for the fetcher. Waits for what others are fetching.
    pub(super) async fn lease(
        self: &Arc<Self>,
        user: &str,
        uris: Vec<Uri>,
    ) -> Result<(Lease, Vec<Item>), String> {
        let folder = self.folder_of(user)?;
        let mut lease =
            Lease { cache: self.clone(), user: user.to_string(), folder, used: Vec::new(), owed: Vec::new() };
        let mut items: Vec<Item> = uris.into_iter().map(Item::from).collect();
        // All at once, so that two fetches never wait for each other: one of them came first to all that both want.
        let waits = lease.claim(&mut items);
        for (index, mut ready) in waits {
            // Its sender is dropped only when it has failed.
            let there = ready.wait_for(Option::is_some).await.is_ok_and(|ready| *ready == Some(true));
            if !there {
                items[index] = Item::from(items[index].uri.clone());
            }
        }
        Ok((lease, items))
    }

    /// The cache of one user, which belongs to that user alone.
    fn folder_of(&self, user: &str) -> Result<PathBuf, String> {
        let folder = self.folder.join(user);
        let failed = |error: io::Error| format!("Cannot make the cache '{}': {error}", folder.display());
        match DirBuilder::new().mode(PRIVATE).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(folder),
            made => made.map_err(failed)?,
        }
        let owner = Credentials::of(user).map_err(|error| error.to_string())?;
        if fs::metadata(&folder).map_err(failed)?.uid() != owner.uid {
            lchown(&folder, Some(owner.uid), Some(owner.gid)).map_err(failed)?;
        }
        Ok(folder)
    }

    /// No one panics while they hold it, and the state is whole between any two of its operations.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, key: &Key, entry: &Entry) -> PathBuf {
        self.folder.join(&key.0).join(&entry.name)
    }
}

impl Lease {
    /// Marks what is there, what is to be fetched, and what others fetch: that is given back with its place.
    fn claim(&mut self, items: &mut [Item]) -> Vec<(usize, watch::Receiver<Option<bool>>)> {
        let mut waits = Vec::new();
        let mut state = self.cache.lock();
        for (index, item) in items.iter_mut().enumerate().filter(|(_, item)| item.uri.cache) {
            let key = (self.user.clone(), item.uri.value.clone());
            state.uses += 1;
            let now = state.uses;
            let owns = self.owed.iter().any(|(uri, _)| *uri == key.1);
            let entry = state.entries.entry(key).or_insert_with_key(|(_, uri)| {
                let (sender, ready) = watch::channel(None);
                self.owed.push((uri.clone(), sender));
                Entry { name: name(now, uri), size: 0, users: 0, last_use: now, ready }
            });
            entry.users += 1;
            entry.last_use = now;
            let is_new = entry.name.starts_with(&format!("c{now}-"));
            // The second of one order finds what the first has fetched.
            item.action = if is_new { Action::DownloadAndCache } else { Action::RetrieveFromCache };
            item.cache_filename = Some(entry.name.clone());
            item.cache_limit = Some(self.cache.size);
            if !is_new && !owns {
                waits.push((index, entry.ready.clone()));
            }
            self.used.push((item.uri.value.clone(), entry.name.clone()));
        }
        waits
    }

    /// The fetch went well: what it was to bring is there for others.
    pub(super) fn fetched(&mut self) {
        let mut state = self.cache.lock();
        for (uri, ready) in self.owed.drain(..) {
            let key = (self.user.clone(), uri);
            let Some(entry) = state.entries.get(&key) else { continue };
            // What was too large went past the cache.
            let found = fs::symlink_metadata(self.cache.path(&key, entry)).ok().filter(fs::Metadata::is_file);
            if let Some(found) = &found {
                state.used += found.len();
            }
            let size = found.as_ref().map_or(0, fs::Metadata::len);
            if let Some(entry) = state.entries.get_mut(&key) {
                entry.size = size;
            }
            ready.send_replace(Some(found.is_some()));
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        for (uri, name) in self.used.drain(..) {
            if let Some(entry) = state.entries.get_mut(&(self.user.clone(), uri))
                && entry.name == name
            {
                entry.users -= 1;
            }
        }
        for (uri, ready) in self.owed.drain(..) {
            ready.send_replace(Some(false));
            state.forget(&self.cache, &(self.user.clone(), uri));
        }
        state.shrink(&self.cache);
    }
}

impl State {
    /// Drops what failed, and, until the rest fits, what was used longest ago and is not in use.
    fn shrink(&mut self, cache: &Cache) {
        let failed = |entry: &Entry| entry.users == 0 && *entry.ready.borrow() == Some(false);
        let failed: Vec<Key> =
            self.entries.iter().filter(|(_, entry)| failed(entry)).map(|(key, _)| key.clone()).collect();
        failed.iter().for_each(|key| self.forget(cache, key));
        while self.used > cache.size {
            let idle = self.entries.iter().filter(|(_, entry)| entry.users == 0);
            let Some(oldest) = idle.min_by_key(|(_, entry)| entry.last_use).map(|(key, _)| key.clone())
            else {
                return;
            };
            self.forget(cache, &oldest);
        }
    }

    fn forget(&mut self, cache: &Cache, key: &Key) {
        let Some(entry) = self.entries.remove(key) else { return };
        self.used -= entry.size;
        match fs::remove_file(cache.path(key, &entry)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("Cannot remove '{}' from the cache: {error}", text(&cache.path(key, &entry)));
            }
            _ => {}
        }
    }
}

/// Mesos: a number, and so much of the URI's end that its suffix tells what it is.
fn name(number: u64, uri: &str) -> String {
    /// Bound: what is kept of a URI's end; a file's name has no more than 255 bytes.
    const LONGEST: usize = 64;
    let last = uri.rsplit('/').next().unwrap_or_default();
    let plain: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    format!("c{number}-{}", &plain[plain.len().saturating_sub(LONGEST)..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str, size: u64) -> (PathBuf, Arc<Cache>) {
        let folder = std::env::temp_dir().join(format!("kaon-cache-{name}-{}", std::process::id()));
        (folder.clone(), Arc::new(Cache::open(&folder.join("own"), size).unwrap()))
    }

    fn uris(names: &[&str]) -> Vec<Uri> {
        names.iter().map(|name| Uri { cache: true, ..Uri::new(format!("http://h/{name}")) }).collect()
    }

    fn me() -> String {
        crate::accounts::own_name()
    }

    /// Fetches as the fetcher would: each file has as many bytes as its name's number says.
    fn fetch(lease: &mut Lease, items: &[Item]) {
        for item in items.iter().filter(|item| item.action == Action::DownloadAndCache) {
            let size: usize = item.uri.value.rsplit('/').next().unwrap()[1..].parse().unwrap();
            fs::write(lease.folder.join(item.cache_filename.as_ref().unwrap()), vec![0; size]).unwrap();
        }
        lease.fetched();
    }

    fn actions(items: &[Item]) -> Vec<Action> {
        items.iter().map(|item| item.action).collect()
    }

    async fn take(cache: &Arc<Cache>, names: &[&str]) -> Vec<Action> {
        let (mut lease, items) = cache.lease(&me(), uris(names)).await.unwrap();
        fetch(&mut lease, &items);
        actions(&items)
    }

    const NEW: Action = Action::DownloadAndCache;
    const HIT: Action = Action::RetrieveFromCache;

    #[tokio::test]
    async fn what_was_used_longest_ago_goes_first() {
        let (folder, cache) = scratch("lru", 100);
        assert_eq!(take(&cache, &["a40", "b40"]).await, [NEW, NEW]);
        assert_eq!(take(&cache, &["a40"]).await, [HIT]);
        assert_eq!(take(&cache, &["c40"]).await, [NEW]);
        assert_eq!(fs::read_dir(folder.join("own").join(me())).unwrap().count(), 2);
        assert_eq!(take(&cache, &["a40", "c40", "a40"]).await, [HIT, HIT, HIT]);
        assert_eq!(take(&cache, &["b40"]).await, [NEW]);
        assert_eq!(take(&cache, &["a40"]).await, [HIT]);
        assert_eq!(take(&cache, &["c40"]).await, [NEW], "it was used before a");
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn what_is_in_use_stays() {
        let (folder, cache) = scratch("used", 50);
        let (mut lease, items) = cache.lease(&me(), uris(&["a40"])).await.unwrap();
        fetch(&mut lease, &items);
        assert_eq!(take(&cache, &["b40"]).await, [NEW]);
        assert_eq!(take(&cache, &["a40"]).await, [HIT], "b went at once, since a is in use");
        drop(lease);
        assert_eq!(take(&cache, &["b40"]).await, [NEW]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn one_fetches_for_all() {
        let (folder, cache) = scratch("one", 1000);
        let (mut first, items) = cache.lease(&me(), uris(&["a1", "a1"])).await.unwrap();
        assert_eq!(actions(&items), [NEW, HIT], "the second of one order finds the first");
        let others: Vec<_> = (0..3)
            .map(|_| {
                let cache = cache.clone();
                tokio::spawn(async move { take(&cache, &["b1", "a1"]).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(!others.iter().any(tokio::task::JoinHandle::is_finished));
        fetch(&mut first, &items);
        drop(first);
        let mut fetches = 0;
        for other in others {
            let actions = other.await.unwrap();
            assert_eq!(actions[1], HIT);
            fetches += usize::from(actions[0] == NEW);
        }
        assert_eq!(fetches, 1, "of b");
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn who_waits_in_vain_goes_past_the_cache() {
        let (folder, cache) = scratch("vain", 1000);
        let (first, _) = cache.lease(&me(), uris(&["a1"])).await.unwrap();
        let waiting = tokio::spawn({
            let cache = cache.clone();
            async move { cache.lease(&me(), uris(&["a1"])).await.map(|(_lease, items)| actions(&items)) }
        });
        tokio::task::yield_now().await;
        // The fetch fails, or its container is destroyed.
        drop(first);
        assert_eq!(waiting.await.unwrap(), Ok(vec![Action::BypassCache]));
        assert_eq!(take(&cache, &["a1"]).await, [NEW], "the next tries again");
        // What went past the cache because it was too large is not there for others.
        let (mut large, _) = cache.lease(&me(), uris(&["b1"])).await.unwrap();
        large.fetched();
        drop(large);
        assert_eq!(take(&cache, &["b1"]).await, [NEW]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn names_are_plain_and_keep_their_suffix() {
        assert_eq!(name(7, "http://h/d/a.tar.gz"), "c7-a.tar.gz");
        assert_eq!(name(8, "/x/a b?c=../é"), "c8-_");
        assert_eq!(name(9, "/x/"), "c9-");
        assert_eq!(name(1, &format!("/{}.zip", "x".repeat(300))).len(), 3 + 64);
    }
}
