// SPDX-License-Identifier: Apache-2.0

//! Makes the checks of the tasks of this host.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kaon_agent::effect::Check;
use kaon_agent::input::{Input, Look};
use kaon_containerizer::Spawner;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::probes::{self, Place};

/// Bound: as many as there are checks of tasks; each makes one look at a time.
type Table = Mutex<BTreeMap<Look, AbortHandle>>;

/// The looks that are under way.
pub(super) struct Checks {
    work_dir: PathBuf,
    spawner: Spawner,
    runtime: Handle,
    inputs: mpsc::Sender<Input>,
    table: Arc<Table>,
}

impl Checks {
    pub(super) fn new(
        work_dir: PathBuf,
        spawner: Spawner,
        runtime: Handle,
        inputs: mpsc::Sender<Input>,
    ) -> Checks {
        Checks { work_dir, spawner, runtime, inputs, table: Arc::default() }
    }

    pub(super) fn look(&self, check: Check) {
        let Check { look, probe, timeout, sandbox, environment, user } = check;
        let place = Place { sandbox: self.work_dir.join(sandbox), environment, user };
        let (spawner, inputs, table) = (self.spawner.clone(), self.inputs.clone(), self.table.clone());
        let named = look.clone();
        // Held until it is entered, so that it cannot leave before.
        let mut looks = lock(&self.table);
        let looking = self.runtime.spawn(async move {
            let outcome = probes::look(&spawner, &probe, place, timeout).await;
            lock(&table).remove(&named);
            // Nobody listens only when the process is about to end.
            let _ = inputs.send(Input::Checked { look: named, outcome }).await;
        });
        looks.insert(look, looking.abort_handle());
    }

    pub(super) fn call_off(&self, look: &Look) {
        if let Some(looking) = lock(&self.table).remove(look) {
            looking.abort();
        }
    }
}

/// The agent goes: so do its looks.
impl Drop for Checks {
    fn drop(&mut self) {
        lock(&self.table).values().for_each(AbortHandle::abort);
    }
}

/// No one panics while they hold it, and the table is whole between any two of its operations.
fn lock(table: &Table) -> std::sync::MutexGuard<'_, BTreeMap<Look, AbortHandle>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
