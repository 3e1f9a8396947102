// SPDX-License-Identifier: Apache-2.0

//! Finds out what this host has to offer.

use std::io;
use std::path::{Path, PathBuf};

use kaon_model::{ResourceTextError, Resources, Role, parse_list};

/// Mesos: the ports that an agent offers unless it is told otherwise.
const PORTS: (u64, u64) = (31_000, 32_000);
const MEGABYTE: u64 = 1 << 20;
const GIGABYTE: u64 = 1 << 30;

/// Why it is not known what to offer.
#[derive(Debug, thiserror::Error)]
pub enum ResourcesError {
    #[error("--resources cannot be read: {0}")]
    Flag(#[from] ResourceTextError),
    #[error("cannot find out the size of the file system of '{path}': {error}; say it in --resources")]
    Disk { path: PathBuf, error: io::Error },
    #[error("cannot find out how many processors there are: {0}; say it in --resources")]
    Processors(io::Error),
}

/// One of several agents that divide a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Counted from 0.
    pub index: u64,
    /// How many agents there are; at least 1.
    pub of: u64,
}

impl Share {
    /// The only agent of the host.
    pub const WHOLE: Share = Share { index: 0, of: 1 };

    fn part(self, amount: u64) -> u64 {
        amount / self.of.max(1)
    }

    /// Ports of its own: two agents that handed out the same would make their tasks collide.
    fn ports(self) -> (u64, u64) {
        let (first, last) = PORTS;
        let each = self.part(last - first + 1).max(1);
        let begin = first + each * self.index;
        (begin, if self.index + 1 >= self.of { last.max(begin) } else { begin + each - 1 })
    }
}

/// What the agent offers: the resources of the flag, and for the kinds that it does not name, what the host has.
pub fn offered(
    flag: Option<&str>,
    default_role: &Role,
    work_dir: &Path,
    share: Share,
) -> Result<Resources, ResourcesError> {
    let flag = flag.unwrap_or_default();
    let mut all = Resources::parse(flag, default_role)?;
    // Looked for in the list, where a kind of which there is to be none still stands.
    let named = parse_list(flag, default_role)?;
    let missing = |kind: &str| !named.iter().any(|resource| resource.name == kind);
    let own = text(work_dir, share, missing)?;
    Resources::parse(&own, default_role)?.iter().for_each(|resource| all.insert(resource));
    Ok(all)
}

/// What the host has of those kinds that are wanted, in the form of the flag.
pub fn text(work_dir: &Path, share: Share, wanted: impl Fn(&str) -> bool) -> Result<String, ResourcesError> {
    let mut parts = Vec::new();
    if wanted("cpus") {
        let thousandths = share.part(processors()?.saturating_mul(1000));
        parts.push(format!("cpus:{}", thousandths as f64 / 1000.0));
    }
    if wanted("mem") {
        parts.push(format!("mem:{}", share.part(spared(memory(), 2 * GIGABYTE, GIGABYTE)) / MEGABYTE));
    }
    if wanted("disk") {
        let disk = spared(disk(work_dir)?, 10 * GIGABYTE, 5 * GIGABYTE);
        parts.push(format!("disk:{}", share.part(disk) / MEGABYTE));
    }
    if wanted("ports") {
        let (first, last) = share.ports();
        parts.push(format!("ports:[{first}-{last}]"));
    }
    Ok(parts.join(";"))
}

/// Mesos: leaves `kept` to the host, or half where there is less than `much`.
fn spared(total: u64, much: u64, kept: u64) -> u64 {
    if total >= much { total - kept } else { total / 2 }
}

/// Those on which this process, and so each of its tasks, may run. Mesos counts those that are barred to them too.
fn processors() -> Result<u64, ResourcesError> {
    let count = std::thread::available_parallelism().map_err(ResourcesError::Processors)?;
    Ok(count.get() as u64)
}

fn memory() -> u64 {
    let info = rustix::system::sysinfo();
    info.totalram.saturating_mul(u64::from(info.mem_unit))
}

/// The size of the file system on which the work folder is, or will be.
fn disk(work_dir: &Path) -> Result<u64, ResourcesError> {
    let absolute = std::path::absolute(work_dir).unwrap_or_else(|_| work_dir.to_path_buf());
    let path = absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(path) {
        Ok(found) => Ok(found.f_blocks.saturating_mul(found.f_frsize)),
        Err(error) => Err(ResourcesError::Disk { path: path.to_path_buf(), error: error.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(flag: Option<&str>, share: Share) -> Resources {
        let role: Role = "*".parse().expect("a role");
        super::offered(flag, &role, &std::env::temp_dir().join("no/such/folder"), share).expect("resources")
    }

    #[test]
    fn what_the_flag_does_not_name_is_the_hosts() {
        let all = offered(Some("cpus:0;mem:64;disk:7;gold:3"), Share::WHOLE);
        assert!(all.get_scalar("cpus").is_zero(), "none was asked for: {all}");
        assert_eq!(all.get_scalar("mem").to_f64(), 64.0);
        assert_eq!(all.get_scalar("gold").to_f64(), 3.0);
        assert_eq!(all.get_ranges("ports").to_string(), "[31000-32000]");
        let own = offered(None, Share::WHOLE);
        for kind in ["cpus", "mem", "disk"] {
            assert!(own.get_scalar(kind).is_positive(), "{kind} of {own}");
        }
    }

    #[test]
    fn some_is_left_to_the_host() {
        assert_eq!(spared(8 * GIGABYTE, 2 * GIGABYTE, GIGABYTE), 7 * GIGABYTE);
        assert_eq!(spared(GIGABYTE, 2 * GIGABYTE, GIGABYTE), GIGABYTE / 2);
    }

    #[test]
    fn agents_that_share_a_host_hand_out_nothing_twice() {
        let whole = offered(None, Share::WHOLE);
        for of in [1, 2, 3, 1000] {
            let mut sum = Resources::new();
            for index in 0..of {
                for resource in offered(None, Share { index, of }).iter() {
                    if resource.name.as_str() == "ports" {
                        assert!(!sum.contains(resource), "{resource} twice");
                    }
                    sum.insert(resource);
                }
            }
            assert_eq!(sum.get_ranges("ports"), whole.get_ranges("ports"));
            for kind in ["cpus", "mem", "disk"] {
                assert!(sum.get_scalar(kind) <= whole.get_scalar(kind), "{kind} of {of}: {sum}");
            }
        }
    }
}
