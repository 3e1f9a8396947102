// SPDX-License-Identifier: Apache-2.0

//! Who calls an endpoint of HTTP, and what they are not allowed: HTTP Basic by realms, and the lists of `--acls`.

mod acls;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use kaon_master::Permission;
use kaon_model::{AccessList, Credentials, Secret};
use subtle::ConstantTimeEq;

use crate::flags::Flags;
use crate::http::{Request, Response};

pub use acls::agent_acls;

use acls::MasterAcls;

/// Endpoints behind the same door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Realm {
    Readonly,
    Readwrite,
}

impl Realm {
    const ALL: [Realm; 2] = [Realm::Readonly, Realm::Readwrite];

    fn name(self) -> &'static str {
        match self {
            Realm::Readonly => "readonly",
            Realm::Readwrite => "readwrite",
        }
    }
}

/// Lets callers in, or does not. The default asks nobody.
#[derive(Debug, Default)]
pub struct Guard {
    /// What those who come without an accepted name are told, by the realms that ask for one.
    challenges: BTreeMap<Realm, HeaderValue>,
    credentials: Credentials,
    acls: MasterAcls,
}

impl Guard {
    /// As the flags of a master say; `credentials` are those of `--credentials`.
    pub fn of_master(flags: &Flags, credentials: Option<&Credentials>) -> Result<Guard, String> {
        let asks = |realm: &Realm| flags.boolean(&format!("authenticate_http_{}", realm.name()));
        let mut challenges = BTreeMap::new();
        for realm in Realm::ALL.into_iter().filter(asks) {
            let name = format!("mesos-master-{}", realm.name());
            if credentials.is_none() {
                return Err(format!(
                    "No credentials provided for the default 'basic' HTTP authenticator for realm '{name}': \
                     --authenticate_http_{} needs --credentials",
                    realm.name()
                ));
            }
            let challenge = HeaderValue::try_from(format!("Basic realm=\"{name}\""));
            challenges.insert(realm, challenge.map_err(|error| error.to_string())?);
        }
        let acls = flags.text("acls").map(MasterAcls::read).transpose().map_err(|error| error.to_string())?;
        let credentials = credentials.cloned().unwrap_or_default();
        Ok(Guard { challenges, credentials, acls: acls.unwrap_or_default() })
    }

    /// The name of who calls, where the realm asks for one; or the answer that sends them away.
    ///
    /// Mesos: where nobody is asked, whatever name is given is not looked at.
    pub fn admit(&self, realm: Option<Realm>, request: &Request) -> Result<Option<String>, Response> {
        let Some(challenge) = realm.and_then(|realm| self.challenges.get(&realm)) else { return Ok(None) };
        let principal = request.header("authorization").and_then(|header| self.principal(header));
        principal.map(Some).ok_or_else(|| {
            Response::plain(StatusCode::UNAUTHORIZED).with_value(WWW_AUTHENTICATE, challenge.clone())
        })
    }

    /// As whom which frameworks may run tasks.
    pub fn run_tasks(&self) -> &AccessList {
        &self.acls.run_tasks
    }

    /// What they may not do.
    pub fn denied(&self, principal: Option<&str>) -> BTreeSet<Permission> {
        self.acls.denied(principal)
    }

    /// Whose the header is. Mesos: one blank, the scheme as it is written here, and no colon within the secret.
    fn principal(&self, header: &str) -> Option<String> {
        let decoded = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
        let (principal, given) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        // Whether a name is known is not to be told by the time that it takes.
        let nothing = Secret::new(Vec::new());
        let known = self.credentials.get(principal);
        let same: bool = known.unwrap_or(&nothing).expose().ct_eq(given.as_bytes()).into();
        (same && known.is_some() && !given.contains(':')).then(|| principal.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_proofs_are_taken() {
        let secrets = [("alice", "s3cret"), ("empty", ""), ("odd", "a:b")];
        let credentials = secrets.map(|(name, secret)| (name.to_owned(), Secret::new(secret))).into();
        let guard = Guard { credentials, ..Guard::default() };
        let of = |text: &str| guard.principal(&format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(of("alice:s3cret").as_deref(), Some("alice"));
        assert_eq!(of("empty:").as_deref(), Some("empty"));
        for wrong in
            ["alice:s3cre", "alice:", "alice", "bob:s3cret", ":", "", "nobody:", "odd:a:b", "alice:s3cret\n"]
        {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        for wrong in [
            "",
            "Basic",
            "Basic ",
            "basic YWxpY2U6czNjcmV0",
            "Basic  YWxpY2U6czNjcmV0",
            "Bearer x",
            "Basic %",
        ] {
            assert_eq!(guard.principal(wrong), None, "{wrong}");
        }
    }
}
