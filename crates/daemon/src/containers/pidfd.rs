// SPDX-License-Identifier: Apache-2.0

//! Waits for the end of a process.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Becomes ready when the process behind a pidfd has ended.
pub async fn ended(pidfd: OwnedFd) -> io::Result<()> {
    // Deprecated for types that may close their descriptor early or name another one later; an `OwnedFd` does neither.
    #[allow(deprecated)]
    let ended = AsyncFd::with_interest(pidfd, Interest::READABLE)?;
    ended.readable().await?.retain_ready();
    Ok(())
}
