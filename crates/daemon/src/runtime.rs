// SPDX-License-Identifier: Apache-2.0

//! The loop that turns a core: receive, handle, perform, sleep until the deadline.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kaon_model::{Mono, Now, Wall};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

/// A state machine that knows nothing of the world.
pub trait Core {
    type Input;
    type Effect;
    type View;
    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Vec<Self::Effect>);
    fn deadline(&self) -> Option<Mono>;
    fn view(&self) -> Self::View;
    /// The input that says that the deadline has come.
    fn tick() -> Self::Input;
}

/// Carries out what a core has decided. It never waits, and never decides.
pub trait Perform<E> {
    fn perform(&mut self, effect: E);

    /// Whether the last effect has been performed: the loop ends.
    fn is_over(&self) -> bool {
        false
    }
}

/// Bound: inputs that wait; those who bring more wait themselves.
const INPUTS_MAX: usize = 8192;
/// Bound: inputs handled before their effects are performed.
const BATCH_MAX: usize = 512;
/// Bound: readers that wait for a view.
const READERS_MAX: usize = 1024;
/// The least time between two views.
const VIEW_PAUSE: Duration = Duration::from_millis(50);

/// Tells the time.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Default for Clock {
    fn default() -> Clock {
        Clock(Instant::now())
    }
}

impl Clock {
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            mono: Mono::ZERO + self.0.elapsed(),
            wall: Wall::from_nanos(i64::try_from(wall.as_nanos()).unwrap_or(i64::MAX)),
        }
    }

    pub fn instant(&self, at: Mono) -> tokio::time::Instant {
        // What does not fit lies beyond every uptime.
        let instant = self.0.checked_add(at.since(Mono::ZERO));
        instant.unwrap_or_else(|| self.0 + Duration::from_secs(1 << 30)).into()
    }
}

/// The way to a core, for all who bring it inputs or read its views.
pub struct Door<C: Core> {
    inputs: mpsc::Sender<C::Input>,
    readers: mpsc::Sender<oneshot::Sender<Arc<C::View>>>,
}

impl<C: Core> Clone for Door<C> {
    fn clone(&self) -> Door<C> {
        Door { inputs: self.inputs.clone(), readers: self.readers.clone() }
    }
}

/// The loop has ended, so the process is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this daemon is shutting down")]
pub struct Closed;

impl<C: Core> Door<C> {
    /// Waits while too many inputs wait already.
    pub async fn put(&self, input: C::Input) -> Result<(), Closed> {
        self.inputs.send(input).await.map_err(|_| Closed)
    }

    /// The same, for threads that are not of the runtime.
    pub fn put_blocking(&self, input: C::Input) -> Result<(), Closed> {
        self.inputs.blocking_send(input).map_err(|_| Closed)
    }

    /// A picture that shows at least all that was done when this is called.
    pub async fn view(&self) -> Result<Arc<C::View>, Closed> {
        let (reader, view) = oneshot::channel();
        self.readers.send(reader).await.map_err(|_| Closed)?;
        view.await.map_err(|_| Closed)
    }
}

/// The inside of the [`Door`].
pub struct Loop<C: Core> {
    inputs: mpsc::Receiver<C::Input>,
    readers: mpsc::Receiver<oneshot::Sender<Arc<C::View>>>,
    /// Readers, each with how many inputs must have been handled for what it may have seen done to be shown.
    waiting: Vec<(u64, oneshot::Sender<Arc<C::View>>)>,
    handled: u64,
    clock: Clock,
    view_at: tokio::time::Instant,
}

/// A door, and the loop behind it.
pub fn channel<C: Core>(clock: Clock) -> (Door<C>, Loop<C>) {
    let (inputs, inputs_out) = mpsc::channel(INPUTS_MAX);
    let (readers, readers_out) = mpsc::channel(READERS_MAX);
    let view_at = tokio::time::Instant::now();
    let inside =
        Loop { inputs: inputs_out, readers: readers_out, waiting: Vec::new(), handled: 0, clock, view_at };
    (Door { inputs, readers }, inside)
}

impl<C: Core> Loop<C> {
    /// Runs until every door is gone, or the shell says that it is over; gives the shell back.
    pub async fn run<S: Perform<C::Effect>>(mut self, mut core: C, mut shell: S) -> S {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut effects = Vec::new();
        while !shell.is_over() && self.receive(&mut batch, core.deadline()).await {
            let now = self.clock.now();
            self.handled += batch.len() as u64;
            for input in batch.drain(..) {
                core.handle(now, input, &mut effects);
            }
            if core.deadline().is_some_and(|deadline| deadline <= now.mono) {
                core.handle(now, C::tick(), &mut effects);
            }
            for effect in effects.drain(..) {
                shell.perform(effect);
            }
            self.show(&core);
        }
        shell
    }

    /// Waits for inputs, for the deadline, or for a reader that may be served; false when nobody is left.
    async fn receive(&mut self, batch: &mut Vec<C::Input>, deadline: Option<Mono>) -> bool {
        let due = deadline.map(|at| self.clock.instant(at));
        // Who waits for inputs to be handled is looked at after each batch.
        let ready = self.waiting.iter().any(|(after, _)| *after <= self.handled);
        let view_due = ready.then_some(self.view_at);
        tokio::select! {
            biased;
            count = self.inputs.recv_many(batch, BATCH_MAX) => count > 0,
            () = wait(due) => true,
            Some(reader) = self.readers.recv() => {
                self.wait_for_view(reader);
                true
            }
            () = wait(view_due) => true,
        }
    }

    /// Gives a view to those who wait for one, unless the last was given just now.
    fn show(&mut self, core: &C) {
        while let Ok(reader) = self.readers.try_recv() {
            self.wait_for_view(reader);
        }
        let now = tokio::time::Instant::now();
        if now < self.view_at || !self.waiting.iter().any(|(after, _)| *after <= self.handled) {
            return;
        }
        let view = Arc::new(core.view());
        for (_, reader) in self.waiting.extract_if(.., |(after, _)| *after <= self.handled) {
            // A reader that has gone needs no view.
            let _ = reader.send(view.clone());
        }
        self.view_at = now + VIEW_PAUSE;
    }

    /// Some calls are answered before they are handled: whoever was answered is to see what it did.
    fn wait_for_view(&mut self, reader: oneshot::Sender<Arc<C::View>>) {
        self.waiting.push((self.handled + self.inputs.len() as u64, reader));
    }
}

/// Turns a core on a thread of its own, so that nothing that serves connections waits for it; `last` takes the shell
/// when it is over.
pub fn turn<C, S>(
    name: &str,
    inside: Loop<C>,
    core: C,
    shell: S,
    last: impl FnOnce(S) + Send + 'static,
) -> std::io::Result<()>
where
    C: Core + Send + 'static,
    C::Input: Send,
    C::View: Send + Sync,
    S: Perform<C::Effect> + Send + 'static,
{
    let runtime = Handle::current();
    let run = move || last(runtime.block_on(inside.run(core, shell)));
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

async fn wait(until: Option<tokio::time::Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
