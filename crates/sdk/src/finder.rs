// SPDX-License-Identifier: Apache-2.0

//! Says which master to ask next.

use std::sync::OnceLock;
use std::time::Duration;

use kaon_api::v1::MasterInfo;

use crate::zookeeper::{Detector, SESSION_TIMEOUT};
use crate::{Address, Error, Masters};

/// How long the ensemble may take to say who leads before that counts as a failed attempt.
const PATIENCE: Duration = Duration::from_secs(5);

/// The masters, with what is known of who leads them.
#[derive(Debug)]
pub(crate) struct Finder {
    masters: Masters,
    /// Started by the first question.
    detector: OnceLock<Detector>,
}

impl Finder {
    pub(crate) fn new(masters: Masters) -> Finder {
        Finder { masters, detector: OnceLock::new() }
    }

    /// Those who may lead, or tell who does; at least one.
    pub(crate) async fn candidates(&self) -> Result<Vec<Address>, Error> {
        match (&self.masters, self.detector()) {
            (Masters::Fixed(addresses), _) => Ok(addresses.clone()),
            (masters, Some(mut detector)) => {
                let leader = detector.found(PATIENCE).await;
                let address = leader.as_deref().and_then(address_of);
                address.map(|address| vec![address]).ok_or_else(|| Error::NobodyLeads(masters.clone()))
            }
            (masters, None) => Err(Error::NobodyLeads(masters.clone())),
        }
    }

    /// Waits until the ensemble says that another than this leads. With fixed masters nobody says so.
    pub(crate) async fn replaced(&self, leader: &Address) {
        let Some(mut detector) = self.detector() else { return std::future::pending().await };
        loop {
            // That nobody leads is no reason to leave: the ensemble may be what is gone.
            let now = detector.leader();
            if now.as_deref().and_then(address_of).is_some_and(|now| now != *leader) {
                return;
            }
            detector.changed().await;
        }
    }

    fn detector(&self) -> Option<Detector> {
        let Masters::ZooKeeper(url) = &self.masters else { return None };
        Some(self.detector.get_or_init(|| Detector::start(url.clone(), SESSION_TIMEOUT)).clone())
    }
}

/// Mesos: the address of the pid, which is an IP's; the name of the host may mean nothing here.
fn address_of(info: &MasterInfo) -> Option<Address> {
    let pid = info.pid.as_deref().and_then(|pid| pid.rsplit_once('@')?.1.parse().ok());
    pid.or_else(|| {
        let address = info.address.as_ref()?;
        let port = u16::try_from(address.port).ok()?;
        Some(Address::new(address.ip.clone().or(address.hostname.clone())?, port))
    })
}
