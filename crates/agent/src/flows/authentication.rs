// SPDX-License-Identifier: Apache-2.0

//! How an agent proves to its master who it is, by CRAM-MD5, before it registers.

use std::time::Duration;

use kaon_api::internal::{
    AuthenticateMessage, AuthenticationErrorMessage, AuthenticationMechanismsMessage,
    AuthenticationStartMessage, AuthenticationStepMessage,
};
use kaon_api::libprocess::Upid;
use kaon_model::cram_md5;

use crate::agent::{Agent, Cx, Timer};
use crate::config::Config;
use crate::effect::{Effect, ToPeer};
use crate::input::PeerMessage;
use crate::state::Session;

const MECHANISM: &str = "CRAM-MD5";

/// The proof that goes on.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    /// How often it was begun; the number of the actor that speaks for the agent.
    attempts: u64,
    /// The longest time that the next attempt may take.
    longest: Duration,
    /// The master's actor that leads through it, once that has spoken.
    session: Option<Upid>,
}

impl Proof {
    /// Mesos: the time for an attempt varies the more, the more of them have failed.
    pub fn begin(&mut self, config: &Config) {
        let spread = config.authentication_backoff_factor.saturating_mul(2);
        let longest = config.authentication_timeout_min.saturating_add(spread);
        self.longest = longest.min(config.authentication_timeout_max);
        self.session = None;
    }

    fn widen(&mut self, config: &Config) {
        let least = config.authentication_timeout_min;
        let spread = self.longest.saturating_sub(least).saturating_mul(2);
        self.longest = least.saturating_add(spread).min(config.authentication_timeout_max);
    }

    /// Mesos: the name of the actor.
    fn actor(&self) -> String {
        format!("crammd5-authenticatee({})", self.attempts)
    }
}

impl Agent {
    /// Asks the master for a session, now or when the one before was too slow.
    pub(crate) fn authenticate(&mut self, cx: &mut Cx) {
        let Some(to) = self.state.master.as_ref().map(|master| master.pid.clone()) else { return };
        if self.state.session != Session::Disconnected {
            return;
        }
        let config = self.config.clone();
        self.proof.attempts += 1;
        self.proof.session = None;
        let least = config.authentication_timeout_min;
        let spread = self.proof.longest.saturating_sub(least);
        let patience = least + spread.mul_f64(self.entropy.unit());
        self.proof.widen(&config);
        self.timers.set(Timer::Authenticate, cx.now.mono + patience);
        cx.push(Effect::Link { to: to.clone() });
        let message = AuthenticateMessage { pid: config.pid.to_string(), ..Default::default() };
        self.speak(cx, to, ToPeer::Authenticate(message));
    }

    /// Whether this is an actor of the leading master's process, asked by us to lead through a proof.
    pub(crate) fn is_authenticator(&self, from: &Upid) -> bool {
        let master = self.state.master.as_ref().map(|master| master.pid.address());
        self.is_authenticating() && master == Some(from.address())
    }

    fn is_authenticating(&self) -> bool {
        self.config.credential.is_some()
            && self.state.session == Session::Disconnected
            && self.timers.get(&Timer::Authenticate).is_some()
    }

    pub(crate) fn authentication_message(&mut self, cx: &mut Cx, from: &Upid, message: PeerMessage) {
        let in_session = self.proof.session.as_ref() == Some(from);
        match message {
            _ if !self.is_authenticating() => {
                cx.warn(format!("Ignoring {} from {from}: no proof was asked for", message.name()));
            }
            PeerMessage::AuthenticationMechanisms(message) => self.choose_mechanism(cx, from, &message),
            PeerMessage::AuthenticationStep(message) if in_session => self.respond(cx, from, &message),
            PeerMessage::AuthenticationCompleted(_) if in_session => self.proved(cx),
            PeerMessage::AuthenticationFailed(_) if in_session => {
                // Mesos: what runs here runs on, until somebody mends the secret.
                let master =
                    self.state.master.as_ref().map(|master| master.pid.to_string()).unwrap_or_default();
                let message = format!("Master {master} refused authentication");
                cx.push(Effect::Exit { code: 1, message });
            }
            PeerMessage::AuthenticationError(message) => self.proof_failed(cx, &message),
            message => {
                cx.warn(format!("Ignoring {} from {from}, which leads through no proof", message.name()))
            }
        }
    }

    fn choose_mechanism(&mut self, cx: &mut Cx, from: &Upid, message: &AuthenticationMechanismsMessage) {
        if !message.mechanisms.iter().any(|mechanism| mechanism == MECHANISM) {
            let offered = message.mechanisms.join(", ");
            return cx
                .warn(format!("The master authenticates by {offered}, and this agent by {MECHANISM} alone"));
        }
        // The newest session is the one that lives.
        self.proof.session = Some(from.clone());
        let start = AuthenticationStartMessage { mechanism: MECHANISM.to_string(), ..Default::default() };
        self.speak(cx, from.clone(), ToPeer::AuthenticationStart(start));
    }

    fn respond(&mut self, cx: &mut Cx, from: &Upid, message: &AuthenticationStepMessage) {
        let Some(credential) = self.config.credential.as_ref() else { return };
        let data = cram_md5::response(credential, &message.data);
        let step = AuthenticationStepMessage { data, ..Default::default() };
        self.speak(cx, from.clone(), ToPeer::AuthenticationStep(step));
    }

    fn proved(&mut self, cx: &mut Cx) {
        self.timers.cancel(&Timer::Authenticate);
        self.proof.session = None;
        self.register(cx);
    }

    /// Mesos: begins anew at once, however often. Here the time of this attempt must pass first.
    fn proof_failed(&mut self, cx: &mut Cx, message: &AuthenticationErrorMessage) {
        let error = message.error.as_deref().unwrap_or("no reason given");
        self.proof.session = None;
        cx.warn(format!("The master could not authenticate this agent: {error}"));
    }

    fn speak(&self, cx: &mut Cx, to: Upid, message: ToPeer) {
        cx.push(Effect::SendAs { actor: self.proof.actor(), to, message: Box::new(message) });
    }
}
