// SPDX-License-Identifier: Apache-2.0

//! The loop, turned with a core that only counts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kaon_daemon::runtime::{Clock, Core, Perform, channel};
use kaon_model::{Mono, Now};

#[derive(Debug)]
enum Input {
    Tick,
    Number(u32),
    /// Sets a deadline so far from now.
    After(Duration),
}

/// Keeps numbers; each is an effect too.
#[derive(Default)]
struct Numbers {
    kept: Vec<u32>,
    deadline: Option<Mono>,
}

const TICKED: u32 = 1_000_000;

impl Core for Numbers {
    type Input = Input;
    type Effect = u32;
    type View = Vec<u32>;

    fn handle(&mut self, now: Now, input: Input, out: &mut Vec<u32>) {
        match input {
            Input::Number(number) => {
                self.kept.push(number);
                out.push(number);
            }
            Input::After(span) => self.deadline = Some(now.mono + span),
            Input::Tick if self.deadline.take_if(|deadline| *deadline <= now.mono).is_some() => {
                out.push(TICKED)
            }
            Input::Tick => panic!("ticked without a deadline that has come"),
        }
    }

    fn deadline(&self) -> Option<Mono> {
        self.deadline
    }

    fn view(&self) -> Vec<u32> {
        self.kept.clone()
    }

    fn tick() -> Input {
        Input::Tick
    }
}

struct Log(Arc<Mutex<Vec<u32>>>);

impl Perform<u32> for Log {
    fn perform(&mut self, effect: u32) {
        self.0.lock().unwrap().push(effect);
    }
}

#[tokio::test]
async fn effects_come_in_the_order_of_inputs() {
    let (door, inside) = channel::<Numbers>(Clock::default());
    let log = Arc::new(Mutex::new(Vec::new()));
    let turning = tokio::spawn(inside.run(Numbers::default(), Log(log.clone())));
    for number in 0..20_000 {
        door.put(Input::Number(number)).await.unwrap();
    }
    drop(door);
    turning.await.unwrap();
    assert_eq!(*log.lock().unwrap(), (0..20_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_deadline_is_kept_with_and_without_other_inputs() {
    let (door, inside) = channel::<Numbers>(Clock::default());
    let log = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(inside.run(Numbers::default(), Log(log.clone())));
    for busy in [false, true] {
        log.lock().unwrap().clear();
        let begun = Instant::now();
        door.put(Input::After(Duration::from_millis(200))).await.unwrap();
        while !log.lock().unwrap().contains(&TICKED) {
            assert!(begun.elapsed() < Duration::from_secs(10));
            if busy {
                door.put(Input::Number(1)).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(200));
    }
}

#[tokio::test]
async fn a_view_shows_what_was_done_before_and_many_readers_share_one() {
    let (door, inside) = channel::<Numbers>(Clock::default());
    tokio::spawn(inside.run(Numbers::default(), Log(Arc::default())));
    for number in 0..5 {
        door.put(Input::Number(number)).await.unwrap();
        assert_eq!(door.view().await.unwrap().len(), number as usize + 1);
    }
    let readers: Vec<_> = (0..100)
        .map(|_| {
            tokio::spawn({
                let door = door.clone();
                async move { door.view().await.unwrap() }
            })
        })
        .collect();
    let begun = Instant::now();
    let mut views = Vec::new();
    for reader in readers {
        views.push(reader.await.unwrap());
    }
    views.dedup_by(|a, b| Arc::ptr_eq(a, b));
    // A view each 50 milliseconds, whoever asks.
    assert!(views.len() as u128 <= begun.elapsed().as_millis() / 50 + 2, "{} views", views.len());
}

#[tokio::test]
async fn a_view_waits_for_all_that_was_put_before_it_was_asked_for() {
    let (door, inside) = channel::<Numbers>(Clock::default());
    // More than is handled at once waits already when the loop begins.
    for number in 0..5000 {
        door.put(Input::Number(number)).await.unwrap();
    }
    let reading = tokio::spawn({
        let door = door.clone();
        async move { door.view().await.unwrap().len() }
    });
    tokio::task::yield_now().await;
    tokio::spawn(inside.run(Numbers::default(), Log(Arc::default())));
    assert_eq!(reading.await.unwrap(), 5000);
}
