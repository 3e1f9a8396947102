// SPDX-License-Identifier: Apache-2.0

//! The time for which a master may act as the leader without another word from ZooKeeper.
//!
//! Whoever writes to a socket or to the registry on behalf of a leader looks at the lease right before; so a process
//! that was stopped for a while, in whatever line, says nothing that it no longer may.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::io::AsyncWrite;

/// A moment of a clock that also counts the time in which the host, or this process, was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    pub fn now() -> Moment {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        Moment(seconds.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec.unsigned_abs()))
    }

    pub fn after(self, span: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Clones share one lease.
#[derive(Clone, Debug)]
pub struct Lease(Arc<AtomicU64>);

/// What a lease that has ended is set to; it is never extended again.
const ENDED: u64 = 0;

impl Default for Lease {
    /// That of a master that is alone: it never ends by itself.
    fn default() -> Lease {
        Lease(Arc::new(AtomicU64::new(u64::MAX)))
    }
}

impl Lease {
    pub fn until(moment: Moment) -> Lease {
        Lease(Arc::new(AtomicU64::new(moment.0.max(1))))
    }

    pub fn holds(&self) -> bool {
        match self.0.load(Ordering::Acquire) {
            u64::MAX => true,
            until => Moment::now().0 < until,
        }
    }

    /// How long it still holds, if it does.
    pub fn rest(&self) -> Option<Duration> {
        let rest = self.0.load(Ordering::Acquire).saturating_sub(Moment::now().0);
        (rest > 0).then(|| Duration::from_nanos(rest))
    }

    pub fn extend(&self, until: Moment) {
        let longer = |old: u64| (old != ENDED).then_some(old.max(until.0));
        // One that has ended stays so.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, longer);
    }

    pub fn end(&self) {
        self.0.store(ENDED, Ordering::Release);
    }

    /// An error where the lease is over, for those who write.
    pub fn check(&self) -> io::Result<()> {
        if self.holds() { Ok(()) } else { Err(io::Error::other("this master leads no longer")) }
    }
}

/// Writes as long as a lease holds.
#[derive(Debug)]
pub struct Leased<W> {
    pub inner: W,
    pub lease: Lease,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Leased<W> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.lease.check()?;
        Pin::new(&mut this.inner).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_has_ended_is_never_extended() {
        let lease = Lease::until(Moment::now().after(Duration::from_secs(60)));
        let shared = lease.clone();
        assert!(lease.holds() && shared.rest().is_some_and(|rest| rest <= Duration::from_secs(60)));
        shared.extend(Moment::now().after(Duration::from_secs(5)));
        assert!(lease.rest().is_some_and(|rest| rest > Duration::from_secs(50)), "it became shorter");
        lease.end();
        shared.extend(Moment::now().after(Duration::from_secs(60)));
        assert!(!shared.holds() && shared.rest().is_none() && shared.check().is_err());
    }

    #[test]
    fn a_lease_ends_by_itself_unless_it_is_without_end() {
        let lease = Lease::until(Moment::now());
        assert!(!lease.holds());
        lease.extend(Moment::now().after(Duration::from_secs(60)));
        assert!(lease.holds(), "another word came in time");
        assert!(Lease::default().holds());
    }

    #[tokio::test]
    async fn nothing_is_written_after_the_end() {
        use tokio::io::AsyncWriteExt;
        let lease = Lease::default();
        let mut writer = Leased { inner: Vec::new(), lease: lease.clone() };
        writer.write_all(b"before").await.unwrap();
        lease.end();
        assert!(writer.write_all(b"after").await.is_err());
        assert_eq!(writer.inner, b"before");
    }
}
