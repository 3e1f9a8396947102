// SPDX-License-Identifier: Apache-2.0

//! Waits for the ends of processes.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Returns when the process behind a pidfd has ended. The error says why nobody can be told of that.
pub async fn ended(pidfd: OwnedFd) -> io::Result<()> {
    watch(pidfd)?.readable().await.map(drop)
}

/// The function that replaces this one is unsafe, because it takes any type and has to be promised that its descriptor stays
/// open and the same. An `OwnedFd` is that promise.
#[allow(deprecated)]
fn watch(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}
