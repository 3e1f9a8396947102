// SPDX-License-Identifier: Apache-2.0

//! Fetches one thing, through the cache or past it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::beneath::Beneath;
use super::uri::{self, Source};
use super::{Action, Item, Uri, download, extract};

/// What holds for all that one process fetches.
pub(super) struct Job<'a> {
    pub sandbox: Beneath,
    /// The sandbox's path, for people.
    pub root: &'a Path,
    /// The folder of the cache.
    pub cache: Option<&'a Path>,
    pub home: Option<&'a str>,
    pub stall: Duration,
}

/// Why something did not get into the cache.
enum Uncached {
    /// It is too large for it, which harms nobody.
    TooLarge,
    Failed(String),
}

impl Job<'_> {
    pub(super) fn fetch(&self, item: &Item) -> Result<(), String> {
        let (cache, name) = match (item.action, self.cache, &item.cache_filename) {
            (Action::BypassCache, ..) => return self.bypass(&item.uri),
            (_, None, _) => return Err("Cache directory not specified".into()),
            (_, _, None) => return Err(format!("No cache file name for: {}", item.uri.value)),
            (_, Some(cache), Some(name)) => (cache, plain_name(name)?),
        };
        let open = Beneath::open(cache);
        let cache = open.map_err(|error| format!("Cannot use the cache '{}': {error}", cache.display()))?;
        // Mesos: what is there already is not fetched again.
        if item.action == Action::DownloadAndCache && cache.read(name).is_err() {
            match self.fill(&cache, name, item) {
                Ok(()) => {}
                Err(Uncached::Failed(reason)) => return Err(reason),
                Err(Uncached::TooLarge) => {
                    eprintln!("'{}' is too large for the cache", item.uri.value);
                    return self.bypass(&item.uri);
                }
            }
        }
        eprintln!("Fetching '{}' from the cache", item.uri.value);
        self.retrieve(&cache, name, &item.uri)
    }

    /// Straight into the sandbox.
    fn bypass(&self, uri: &Uri) -> Result<(), String> {
        let source = uri::source(uri, self.home)?;
        let destination = self.destination(uri)?;
        // A source that cannot be read leaves nothing behind.
        let opened = Opened::new(source)?;
        let mode = if uri.executable { 0o755 } else { 0o644 };
        let mut file = self.create(&destination, mode)?;
        opened.copy(&mut file, self.stall, None, !uri.executable).map_err(|uncached| match uncached {
            Uncached::Failed(reason) => reason,
            Uncached::TooLarge => "It is too large".to_string(),
        })?;
        drop(file);
        if uri.extract && !uri.executable {
            let archive =
                self.sandbox.read(&destination).map_err(|error| self.unreadable(&destination, &error))?;
            self.unpack(archive, &destination, &destination)?;
        }
        Ok(())
    }

    fn fill(&self, cache: &Beneath, name: &Path, item: &Item) -> Result<(), Uncached> {
        let source = uri::source(&item.uri, self.home).map_err(Uncached::Failed)?;
        eprintln!("Fetching '{}' into the cache", item.uri.value);
        let opened = Opened::new(source).map_err(Uncached::Failed)?;
        let create = cache.create(name, 0o644);
        let mut file =
            create.map_err(|error| Uncached::Failed(format!("Cannot write into the cache: {error}")))?;
        let copied = opened.copy(&mut file, self.stall, item.cache_limit, true);
        if copied.is_err() {
            // Half of a file must not be found by the next.
            cache
                .remove(name)
                .map_err(|error| Uncached::Failed(format!("Cannot clean the cache: {error}")))?;
        }
        copied
    }

    /// Mesos: an archive that was cached is unpacked from there, and is not in the sandbox itself.
    fn retrieve(&self, cache: &Beneath, name: &Path, uri: &Uri) -> Result<(), String> {
        let destination = self.destination(uri)?;
        let cached = cache.read(name);
        let mut cached =
            cached.map_err(|error| format!("Cannot read '{}' in the cache: {error}", name.display()))?;
        if uri.extract && !uri.executable && extract::format(name).is_some() {
            return self.unpack(cached, name, &destination);
        }
        let mut file = self.create(&destination, if uri.executable { 0o755 } else { 0o644 })?;
        let copied = io::copy(&mut cached, &mut file);
        copied.map_err(|error| format!("Cannot copy '{}' from the cache: {error}", name.display()))?;
        if !uri.executable {
            keep_permissions(&cached, &file).map_err(|error| format!("Cannot set its mode: {error}"))?;
        }
        Ok(())
    }

    fn destination(&self, uri: &Uri) -> Result<PathBuf, String> {
        let destination = uri::destination(uri)?;
        eprintln!("Fetching '{}' to '{}'", uri.value, self.root.join(&destination).display());
        Ok(destination)
    }

    fn create(&self, destination: &Path, mode: u32) -> Result<File, String> {
        let created = self.sandbox.create(destination, mode);
        created.map_err(|error| format!("Cannot write '{}' in the sandbox: {error}", destination.display()))
    }

    /// `named` says by its suffix what the archive is; `destination` is what it is called in the sandbox.
    fn unpack(&self, archive: File, named: &Path, destination: &Path) -> Result<(), String> {
        let Some(format) = extract::format(named) else {
            // Mesos: no failure. `extract` is the default, and most files are no archives.
            eprintln!("Not extracting '{}': its name is not that of an archive", named.display());
            return Ok(());
        };
        eprintln!("Extracting '{}'", named.display());
        extract::extract(&self.sandbox, archive, destination, format)
            .map_err(|error| format!("Cannot extract '{}': {error}", named.display()))
    }

    fn unreadable(&self, path: &Path, error: &io::Error) -> String {
        format!("Cannot read '{}' in the sandbox: {error}", path.display())
    }
}

/// The name of a file in the cache leads nowhere else.
fn plain_name(name: &str) -> Result<&Path, String> {
    let path = Path::new(name);
    let mut parts = path.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == path.as_os_str() => Ok(path),
        _ => Err(format!("The cache file name '{name}' is not the name of a file")),
    }
}

/// A source that can be read.
enum Opened {
    Web(String),
    Local(PathBuf, File),
}

impl Opened {
    fn new(source: Source) -> Result<Opened, String> {
        match source {
            Source::Web(url) => Ok(Opened::Web(url)),
            Source::Local(path) => open_source(&path).map(|file| Opened::Local(path, file)),
        }
    }

    /// `limit` is how much there may be, `keeps_mode` whether a local file's permissions are taken over.
    fn copy(
        self,
        to: &mut File,
        stall: Duration,
        limit: Option<u64>,
        keeps_mode: bool,
    ) -> Result<(), Uncached> {
        // One more than there may be tells that there is more.
        let most = limit.map_or(u64::MAX, |limit| limit.saturating_add(1));
        let copied = match self {
            Opened::Web(url) => download::download(&url, to, stall, most).map_err(Uncached::Failed)?,
            Opened::Local(path, mut original) => {
                let copied = io::copy(&mut (&mut original).take(most), to).map_err(|error| {
                    Uncached::Failed(format!("Cannot copy '{}': {error}", path.display()))
                })?;
                if keeps_mode {
                    keep_permissions(&original, to)
                        .map_err(|error| Uncached::Failed(format!("Cannot set its mode: {error}")))?;
                }
                copied
            }
        };
        if limit.is_some_and(|limit| copied > limit) { Err(Uncached::TooLarge) } else { Ok(()) }
    }
}

fn open_source(path: &Path) -> Result<File, String> {
    let refuse = |reason: String| format!("Cannot read '{}': {reason}", path.display());
    // Not waiting for a writer if this is a named pipe.
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty())
        .map_err(|error| refuse(error.to_string()))?;
    let file = File::from(file);
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err(refuse("it is not a regular file".into())),
        Err(error) => Err(refuse(error.to_string())),
    }
}

/// Mesos: its `cp` keeps who may execute a local file. Bits that switch users are not kept.
fn keep_permissions(original: &File, copy: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = original.metadata()?.permissions().mode() & 0o777;
    copy.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_cache_lead_nowhere_else() {
        for name in ["c1-a.tgz", "..a", "a b"] {
            assert!(plain_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "/a", "a/b", "a/", "./a", "../a"] {
            assert!(plain_name(name).is_err(), "{name}");
        }
    }
}
