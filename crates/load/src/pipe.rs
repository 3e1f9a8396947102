// SPDX-License-Identifier: Apache-2.0

//! A connection that many write to without waiting.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;
use tokio::task::spawn_local;

use crate::board::Board;

/// Bound: bytes that the master has not taken. A master that far behind has stopped reading.
const WAITING_MAX: usize = 256 << 20;

/// The writing end of a connection. What is appended goes out in order, as much at once as there is.
#[derive(Clone)]
pub struct Pipe(Rc<Inner>);

struct Inner {
    waiting: RefCell<Vec<u8>>,
    wake: Notify,
}

impl Pipe {
    /// `what` names the connection in the failure, should it break.
    pub fn new(writer: OwnedWriteHalf, board: Rc<Board>, what: &'static str) -> Pipe {
        let inner = Rc::new(Inner { waiting: RefCell::default(), wake: Notify::new() });
        spawn_local(run(writer, inner.clone(), board, what));
        Pipe(inner)
    }

    pub fn append(&self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.0.waiting.borrow_mut());
        self.0.wake.notify_one();
    }
}

async fn run(mut writer: OwnedWriteHalf, inner: Rc<Inner>, board: Rc<Board>, what: &'static str) {
    let mut out = Vec::new();
    loop {
        inner.wake.notified().await;
        std::mem::swap(&mut out, &mut *inner.waiting.borrow_mut());
        if let Err(error) = writer.write_all(&out).await {
            return board.fail(format!("{what} broke: {error}"));
        }
        out.clear();
        if inner.waiting.borrow().len() > WAITING_MAX {
            return board.fail(format!("{what}: the master has stopped reading"));
        }
    }
}
