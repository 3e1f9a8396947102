// SPDX-License-Identifier: Apache-2.0

//! Authentication of drivers with agents by CRAM-MD5, before they register.
//!
//! A client asks the master; a session of its own leads it through challenge and response. What it asks for meanwhile
//! waits for the outcome.
//!
//! Invariant: every attempt is in `attempts` by its number, and its number in `by_subject` under whom it is about.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use kaon_api::internal;
use kaon_api::libprocess::Upid;
use kaon_api::v0::scheduler::call;
use kaon_model::cram_md5::{self, Refusal};

use crate::config::{MAX_AUTHENTICATED, MAX_AUTHENTICATIONS, MAX_WAITING_FOR_AUTHENTICATION};
use crate::effect::{Effect, ToPeer};
use crate::input::PeerMessage;
use crate::master::{Master, TimerKey, Turn};

const MECHANISM: &str = "CRAM-MD5";
/// Mesos: the name of the actor of one attempt, with its number.
const SESSION: &str = "crammd5-authenticator-session";

/// Who is authenticating, and who has.
#[derive(Debug, Default)]
pub(crate) struct Authentication {
    last: u64,
    attempts: BTreeMap<u64, Attempt>,
    by_subject: BTreeMap<Key, u64>,
    /// The principals of those who have.
    authenticated: BTreeMap<Key, String>,
}

/// By process first, so that all of one process are together.
type Key = (SocketAddrV4, String);

#[derive(Debug)]
struct Attempt {
    /// The actor that speaks for the subject.
    client: Upid,
    /// Who is to be authenticated: an agent, or a driver.
    subject: Upid,
    /// The challenge, once it was sent.
    challenge: Option<Vec<u8>>,
    waiting: Vec<PeerMessage>,
}

impl Authentication {
    pub fn principal(&self, pid: &Upid) -> Option<&str> {
        self.authenticated.get(&key(pid)).map(String::as_str)
    }

    /// The process at this address is gone: whoever comes from there next must prove itself again.
    pub fn forget_process(&mut self, peer: SocketAddrV4) {
        let gone: Vec<Key> =
            self.authenticated.range((peer, String::new())..).map(|(key, _)| key.clone()).collect();
        gone.into_iter()
            .take_while(|key| key.0 == peer)
            .for_each(|key| drop(self.authenticated.remove(&key)));
    }

    fn end(&mut self, number: u64) -> Option<Attempt> {
        let attempt = self.attempts.remove(&number)?;
        self.by_subject.remove(&key(&attempt.subject));
        Some(attempt)
    }
}

impl Master {
    /// Lets a message pass unless its sender must authenticate first, or is doing so.
    ///
    /// Mesos: an agent that had to authenticate and has not is not answered. A driver is, where it subscribes.
    pub(crate) fn pass_authentication(&mut self, from: &Upid, message: PeerMessage) -> Option<PeerMessage> {
        let of_agent = matches!(message, PeerMessage::RegisterAgent(_) | PeerMessage::ReregisterAgent(_));
        if !of_agent && !subscribes(&message) {
            return Some(message);
        }
        if let Some(number) = self.authentication.by_subject.get(&key(from)) {
            let attempt = self.authentication.attempts.get_mut(number);
            match attempt.filter(|attempt| attempt.waiting.len() < MAX_WAITING_FOR_AUTHENTICATION) {
                Some(attempt) => attempt.waiting.push(message),
                None => self.drop_message(),
            }
            return None;
        }
        if of_agent && self.config.authenticate_agents && self.authentication.principal(from).is_none() {
            self.drop_message();
            return None;
        }
        Some(message)
    }

    /// AuthenticateMessage: begins anew, whatever was before.
    pub(crate) fn authenticate(
        &mut self,
        turn: &mut Turn,
        from: Upid,
        message: &internal::AuthenticateMessage,
    ) {
        self.state.tables.counters.messages_authenticate += 1;
        let Ok(subject) = message.pid.parse::<Upid>() else { return self.drop_message() };
        self.authentication.authenticated.remove(&key(&subject));
        if self.config.credentials.is_none() {
            let error = Some("No authenticator loaded".to_string());
            let message = internal::AuthenticationErrorMessage { error, ..Default::default() };
            return turn.send(&from, ToPeer::AuthenticationError(message));
        }
        let before = self.authentication.by_subject.get(&key(&subject)).copied();
        let before = before.and_then(|number| self.end_attempt(number));
        let all = &self.authentication;
        if all.attempts.len() >= MAX_AUTHENTICATIONS || all.authenticated.len() >= MAX_AUTHENTICATED {
            return self.drop_message();
        }
        self.authentication.last += 1;
        let number = self.authentication.last;
        // What waited for the attempt before waits for this one.
        let waiting = before.map(|attempt| attempt.waiting).unwrap_or_default();
        self.authentication.by_subject.insert(key(&subject), number);
        let attempt = Attempt { client: from.clone(), subject, challenge: None, waiting };
        self.authentication.attempts.insert(number, attempt);
        let timeout = self.config.authentication_v0_timeout;
        self.timers.set(TimerKey::Authentication(number), turn.now.mono + timeout);
        let mechanisms = vec![MECHANISM.to_string()];
        let message = internal::AuthenticationMechanismsMessage { mechanisms, ..Default::default() };
        say(turn, number, &from, ToPeer::AuthenticationMechanisms(message));
    }

    /// AuthenticationStartMessage: the client has chosen the mechanism, and is challenged.
    pub(crate) fn authentication_start(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        to: &str,
        message: &internal::AuthenticationStartMessage,
    ) {
        let Some(number) = self.attempt_of(from, to) else { return self.drop_message() };
        let error = match self.authentication.attempts.get(&number) {
            Some(attempt) if attempt.challenge.is_some() => {
                "Unexpected authentication 'start' received".to_string()
            }
            _ if message.mechanism != MECHANISM => {
                format!("SASL(-4): no mechanism available: Couldn't find mech {}", message.mechanism)
            }
            _ if message.data.as_ref().is_some_and(|data| !data.is_empty()) => {
                "SASL(-5): bad protocol / cancel: Remote sent first but mech does not allow it.".to_string()
            }
            _ => return self.challenge(turn, number),
        };
        self.fail_attempt(turn, number, Some(error));
    }

    fn challenge(&mut self, turn: &mut Turn, number: u64) {
        let nonce = u64::from_le_bytes(self.entropy.uuid().as_bytes()[..8].try_into().unwrap_or_default());
        let seconds = turn.now.wall.nanos() / 1_000_000_000;
        let challenge = format!("<{nonce}.{seconds}@{}>", self.config.hostname).into_bytes();
        let Some(attempt) = self.authentication.attempts.get_mut(&number) else { return };
        attempt.challenge = Some(challenge.clone());
        let message = internal::AuthenticationStepMessage { data: challenge, ..Default::default() };
        say(turn, number, &attempt.client, ToPeer::AuthenticationStep(message));
    }

    /// AuthenticationStepMessage: the response to the challenge.
    pub(crate) fn authentication_step(
        &mut self,
        turn: &mut Turn,
        from: &Upid,
        to: &str,
        message: &internal::AuthenticationStepMessage,
    ) {
        let Some(number) = self.attempt_of(from, to) else { return self.drop_message() };
        let attempt = self.authentication.attempts.get(&number);
        let Some(challenge) = attempt.and_then(|attempt| attempt.challenge.as_deref()) else {
            let error = "Unexpected authentication 'step' received".to_string();
            return self.fail_attempt(turn, number, Some(error));
        };
        let credentials = self.config.credentials.clone().unwrap_or_default();
        match cram_md5::verify(&message.data, challenge, &credentials) {
            Ok(principal) => self.authenticated(turn, number, principal),
            Err(Refusal::WrongCredentials) => self.fail_attempt(turn, number, None),
            Err(refusal @ Refusal::Malformed(_)) => {
                self.fail_attempt(turn, number, Some(format!("SASL(-5): bad protocol / cancel: {refusal}")));
            }
        }
    }

    fn authenticated(&mut self, turn: &mut Turn, number: u64, principal: String) {
        let Some(attempt) = self.end_attempt(number) else { return };
        self.authentication.authenticated.insert(key(&attempt.subject), principal);
        say(turn, number, &attempt.client, ToPeer::AuthenticationCompleted(Default::default()));
        self.resume(turn, attempt);
    }

    /// The attempt has come to nothing: without an error, because name and secret do not belong together.
    fn fail_attempt(&mut self, turn: &mut Turn, number: u64, error: Option<String>) {
        let Some(attempt) = self.end_attempt(number) else { return };
        let message = match error {
            None => ToPeer::AuthenticationFailed(Default::default()),
            error => ToPeer::AuthenticationError(internal::AuthenticationErrorMessage {
                error,
                ..Default::default()
            }),
        };
        say(turn, number, &attempt.client, message);
        self.resume(turn, attempt);
    }

    /// Mesos: the client, which has a shorter patience of its own, is not told.
    pub(crate) fn authentication_overdue(&mut self, turn: &mut Turn, number: u64) {
        if let Some(attempt) = self.end_attempt(number) {
            self.resume(turn, attempt);
        }
    }

    /// What had to wait is looked at as if it came now.
    fn resume(&mut self, turn: &mut Turn, attempt: Attempt) {
        for message in attempt.waiting {
            self.message(turn, attempt.subject.clone(), "master", message);
        }
    }

    fn end_attempt(&mut self, number: u64) -> Option<Attempt> {
        self.timers.cancel(&TimerKey::Authentication(number));
        self.authentication.end(number)
    }

    /// The attempt to whose actor a message is addressed, if it is its client that speaks.
    fn attempt_of(&self, from: &Upid, to: &str) -> Option<u64> {
        let number = to.strip_prefix(SESSION)?.strip_prefix('(')?.strip_suffix(')')?.parse().ok()?;
        let attempt = self.authentication.attempts.get(&number)?;
        (attempt.client == *from).then_some(number)
    }
}

/// Sends as the actor of an attempt.
fn say(turn: &mut Turn, number: u64, to: &Upid, message: ToPeer) {
    let from = format!("{SESSION}({number})");
    turn.out.push(Effect::Send { to: to.clone(), from, message: Box::new(message) });
}

fn subscribes(message: &PeerMessage) -> bool {
    match message {
        PeerMessage::RegisterFramework(_) | PeerMessage::ReregisterFramework(_) => true,
        PeerMessage::SchedulerCall(call) => call.r#type == Some(call::Type::Subscribe),
        _ => false,
    }
}

fn key(pid: &Upid) -> Key {
    (pid.address(), pid.id.clone())
}
