// SPDX-License-Identifier: Apache-2.0

//! What the host has to offer, where the operator does not say.

use std::io;
use std::path::Path;

use crate::metrics::System;

const MB: f64 = 1024.0 * 1024.0;
const GB: f64 = 1024.0 * MB;

/// Mesos: one gigabyte of memory and five of disk are left to the host, or half of what there is, if that is little.
fn offered(total: f64, left: f64) -> f64 {
    if total >= 2.0 * left { total - left } else { total / 2.0 }
}

/// The processors of the host.
pub fn cpus() -> f64 {
    System::now().cpus
}

/// Megabytes of memory to offer.
pub fn memory() -> f64 {
    (offered(System::now().memory, GB) / MB).floor()
}

/// Megabytes of disk to offer, on the file system of a folder.
pub fn disk(folder: &Path) -> io::Result<f64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok((offered(stat.f_blocks as f64 * stat.f_frsize as f64, 5.0 * GB) / MB).floor())
}

/// Mesos: the ports that are offered on every host.
pub const PORTS: &str = "[31000-32000]";

/// The boot that this process lives in.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_left_to_the_host() {
        assert_eq!(offered(8.0 * GB, GB), 7.0 * GB);
        assert_eq!(offered(2.0 * GB, GB), GB);
        assert_eq!(offered(GB, GB), 0.5 * GB);
        assert!(cpus() >= 1.0 && memory() > 0.0 && disk(Path::new("/")).unwrap() > 0.0);
    }
}
