// SPDX-License-Identifier: Apache-2.0

//! The frameworks that run here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::sync::Arc;

use kaon_allocator::Constraints;
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{FrameworkId, Index, Role, Wall};

use super::capabilities::FrameworkCapabilities;
use super::counters::FrameworkCounters;
use super::{State, Tables};
use crate::input::Stream;

/// Where a framework stands in its table.
pub type FrameworkRow = Index;

/// One framework: what pictures show of it.
#[derive(Clone, Debug)]
pub struct Framework {
    pub id: FrameworkId,
    /// With its id.
    pub info: Arc<v1::FrameworkInfo>,
    pub capabilities: FrameworkCapabilities,
    pub roles: Arc<BTreeSet<Role>>,
    pub suppressed: Arc<BTreeSet<Role>>,
    pub offer_constraints: Option<Arc<v1::scheduler::OfferConstraints>>,
    /// The same, as the allocator heeds them.
    pub constraints: Arc<Constraints>,
    pub connection: Connection,
    pub registered: Wall,
    pub reregistered: Wall,
    pub counters: Box<FrameworkCounters>,
}

/// How a framework is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Its calls must carry the id of its event stream.
    Subscribed { stream: Stream, id: String },
    /// A driver of the v0 API, whose calls come from this address. It can ask to be left without offers.
    Driver { pid: Upid, active: bool },
    /// Its stream has ended, or the process of its driver has; it is removed unless it comes back in time.
    Disconnected { driver: Option<Upid> },
    /// Known from the tasks of agents alone, after this master took over.
    Recovered,
}

impl Framework {
    pub fn new(id: FrameworkId, mut info: v1::FrameworkInfo, connection: Connection, now: Wall) -> Framework {
        info.id = Some(v1::FrameworkID::from(id.as_str()));
        Framework {
            id,
            capabilities: FrameworkCapabilities::of(&info),
            roles: Arc::new(roles_of(&info)),
            info: Arc::new(info),
            suppressed: Arc::default(),
            offer_constraints: None,
            constraints: Arc::default(),
            connection,
            registered: now,
            reregistered: now,
            counters: Box::default(),
        }
    }

    /// Takes over a description that has been checked.
    pub fn set_info(&mut self, mut info: v1::FrameworkInfo) {
        info.id = Some(v1::FrameworkID::from(self.id.as_str()));
        self.capabilities = FrameworkCapabilities::of(&info);
        self.roles = Arc::new(roles_of(&info));
        self.info = Arc::new(info);
    }

    pub fn stream(&self) -> Option<Stream> {
        match &self.connection {
            Connection::Subscribed { stream, .. } => Some(*stream),
            _ => None,
        }
    }

    /// The driver that it has, or had when it was last heard of.
    pub fn driver(&self) -> Option<&Upid> {
        match &self.connection {
            Connection::Driver { pid, .. } => Some(pid),
            Connection::Disconnected { driver } => driver.as_ref(),
            Connection::Subscribed { .. } | Connection::Recovered => None,
        }
    }

    /// Where agents reach its scheduler. Mesos: `@0.0.0.0:0` for one that speaks HTTP, never an empty text.
    pub fn pid_text(&self) -> String {
        self.driver().cloned().unwrap_or_else(Upid::empty).to_string()
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.connection, Connection::Subscribed { .. } | Connection::Driver { .. })
    }

    /// Only active ones get offers.
    pub fn is_active(&self) -> bool {
        matches!(self.connection, Connection::Subscribed { .. } | Connection::Driver { active: true, .. })
    }

    pub fn is_recovered(&self) -> bool {
        self.connection == Connection::Recovered
    }

    pub fn is_partition_aware(&self) -> bool {
        self.capabilities.partition_aware
    }

    /// The role of a framework that has just one.
    pub fn sole_role(&self) -> Option<&Role> {
        self.roles.first().filter(|_| self.roles.len() == 1)
    }
}

/// Every role that a description names; the names have been checked.
pub(crate) fn roles_of(info: &v1::FrameworkInfo) -> BTreeSet<Role> {
    if FrameworkCapabilities::of(info).multi_role {
        info.roles.iter().filter_map(|role| Role::new(role).ok()).collect()
    } else {
        Role::new(info.role.as_deref().unwrap_or("*")).into_iter().collect()
    }
}

/// The ways to frameworks.
#[derive(Debug, Default)]
pub(crate) struct Frameworks {
    by_id: BTreeMap<FrameworkId, FrameworkRow>,
    by_stream: BTreeMap<Stream, FrameworkRow>,
    /// Those whose driver is connected.
    by_driver: BTreeMap<(SocketAddrV4, String), FrameworkRow>,
}

impl Frameworks {
    pub fn row(&self, id: &str) -> Option<FrameworkRow> {
        self.by_id.get(id).copied()
    }

    pub fn row_of_stream(&self, stream: Stream) -> Option<FrameworkRow> {
        self.by_stream.get(&stream).copied()
    }

    pub fn row_of_driver(&self, pid: &Upid) -> Option<FrameworkRow> {
        self.by_driver.get(&driver_key(pid)).copied()
    }

    /// All frameworks whose drivers live in the process at this address.
    pub fn drivers_at(&self, peer: SocketAddrV4) -> Vec<FrameworkRow> {
        let from = (peer, String::new());
        self.by_driver.range(from..).take_while(|(key, _)| key.0 == peer).map(|(_, row)| *row).collect()
    }

    fn enter(&mut self, connection: &Connection, row: FrameworkRow) {
        match connection {
            Connection::Subscribed { stream, .. } => drop(self.by_stream.insert(*stream, row)),
            Connection::Driver { pid, .. } => drop(self.by_driver.insert(driver_key(pid), row)),
            Connection::Disconnected { .. } | Connection::Recovered => {}
        }
    }

    fn leave(&mut self, connection: &Connection) {
        match connection {
            Connection::Subscribed { stream, .. } => drop(self.by_stream.remove(stream)),
            Connection::Driver { pid, .. } => drop(self.by_driver.remove(&driver_key(pid))),
            Connection::Disconnected { .. } | Connection::Recovered => {}
        }
    }

    /// In the order of ids.
    pub fn rows(&self) -> impl Iterator<Item = FrameworkRow> {
        self.by_id.values().copied()
    }
}

impl State {
    pub fn framework(&self, row: FrameworkRow) -> &Framework {
        &self.tables.frameworks[row]
    }

    pub fn framework_mut(&mut self, row: FrameworkRow) -> &mut Framework {
        self.tables
            .frameworks
            .get_mut(row)
            .expect("the row of a framework is given back only with the framework")
    }

    pub fn framework_by_id(&self, id: &str) -> Option<(FrameworkRow, &Framework)> {
        let row = self.frameworks.row(id)?;
        Some((row, self.framework(row)))
    }

    pub fn insert_framework(&mut self, framework: Framework) -> FrameworkRow {
        let (id, connection) = (framework.id.clone(), framework.connection.clone());
        let row = self.tables.frameworks.insert(framework);
        self.frameworks.by_id.insert(id, row);
        self.frameworks.enter(&connection, row);
        row
    }

    /// Changes how a framework is reached, and returns how it was.
    pub fn reconnect_framework(&mut self, row: FrameworkRow, connection: Connection) -> Connection {
        let old = std::mem::replace(&mut self.framework_mut(row).connection, connection.clone());
        self.frameworks.leave(&old);
        self.frameworks.enter(&connection, row);
        old
    }

    /// Takes a framework out. Its tasks, executors and offers are gone before.
    pub fn remove_framework(&mut self, row: FrameworkRow) -> Framework {
        let framework = self.tables.frameworks.remove(row).expect("a framework is removed once");
        self.frameworks.by_id.remove(&framework.id);
        self.frameworks.leave(&framework.connection);
        framework
    }
}

fn driver_key(pid: &Upid) -> (SocketAddrV4, String) {
    (pid.address(), pid.id.clone())
}

impl Tables {
    pub fn frameworks_by_age(&self) -> Vec<(FrameworkRow, &Framework)> {
        let mut all: Vec<_> = self.frameworks.iter().collect();
        all.sort_by(|a, b| a.1.registered.cmp(&b.1.registered).then_with(|| a.1.id.cmp(&b.1.id)));
        all
    }
}
