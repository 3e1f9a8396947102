// SPDX-License-Identifier: Apache-2.0

//! Streams of events that operators follow: so many of a kind, of which the oldest makes room for the next, and a heartbeat
//! on each.

use std::collections::VecDeque;

use crate::effect::Effect;
use crate::input::Stream;
use crate::master::{Master, TimerKey, Turn};

/// The streams of one kind, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Followers(VecDeque<Stream>);

impl Followers {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Stream> + '_ {
        self.0.iter().copied()
    }

    /// Takes one in, and names those that had to make room.
    fn admit(&mut self, stream: Stream, most: usize) -> Vec<Stream> {
        let over = (self.0.len() + 1).saturating_sub(most.max(1));
        let left = self.0.drain(..over).collect();
        self.0.push_back(stream);
        left
    }
}

impl Master {
    /// An operator follows what `kind` picks, from now on.
    pub(super) fn follow(
        &mut self,
        turn: &mut Turn,
        stream: Stream,
        kind: impl FnOnce(&mut Master) -> &mut Followers,
    ) {
        let most = self.config.max_operator_event_stream_subscribers;
        for oldest in kind(self).admit(stream, most) {
            self.timers.cancel(&TimerKey::FollowerHeartbeat(oldest));
            turn.out.push(Effect::Close { stream: oldest });
        }
        self.follower_heartbeat_due(turn, stream);
    }

    pub(crate) fn forget_follower(&mut self, stream: Stream) {
        self.timers.cancel(&TimerKey::FollowerHeartbeat(stream));
        for followers in [&mut self.watchers, &mut self.listeners] {
            followers.0.retain(|own| *own != stream);
        }
    }

    pub(crate) fn follower_heartbeat_due(&mut self, turn: &mut Turn, stream: Stream) {
        self.timers.set(TimerKey::FollowerHeartbeat(stream), turn.now.mono + self.config.heartbeat_interval);
        let heartbeat = if self.watchers.0.contains(&stream) {
            super::watching::heartbeat(stream)
        } else {
            super::announcing::heartbeat(stream, turn.now.wall)
        };
        turn.out.push(heartbeat);
    }
}
