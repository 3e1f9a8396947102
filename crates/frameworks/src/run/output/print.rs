// SPDX-License-Identifier: Apache-2.0

//! Prints outputs in the order of the input.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::order::Order;
use super::{MEMORY_MAX, Output};
use crate::run::progress::Progress;

/// A thread that prints, as whoever reads our standard output may be slow, and nothing else is to wait for that.
#[derive(Debug)]
pub struct Printer {
    sender: Sender<(u64, Output)>,
    thread: JoinHandle<io::Result<()>>,
}

impl Printer {
    /// `folder` takes what does not fit into memory.
    pub fn start(folder: PathBuf, progress: Progress) -> Printer {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || print_all(&receiver, &folder, &progress));
        Printer { sender, thread }
    }

    /// Prints the output of task `number` as soon as those before it have been printed.
    pub fn print(&self, number: u64, output: Output) {
        // A printer that has ended says why in `finish`.
        drop(self.sender.send((number, output)));
    }

    /// Whether standard output cannot be written to any more.
    pub fn is_gone(&self) -> bool {
        self.thread.is_finished()
    }

    /// Awaits that all that is due has been printed.
    pub fn finish(self) -> io::Result<()> {
        drop(self.sender);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the printing thread panicked")))
    }
}

fn print_all(receiver: &Receiver<(u64, Output)>, folder: &Path, progress: &Progress) -> io::Result<()> {
    let mut order = Order::new();
    // Bytes held in memory.
    let mut held = 0;
    while let Ok((number, output)) = receiver.recv() {
        let output = match output {
            Output::Memory(data) if !order.is_due(number) && held + data.len() > MEMORY_MAX => {
                let path = folder.join(format!("{number}.out"));
                fs::write(&path, data)?;
                Output::Spilled(path)
            }
            output => output,
        };
        held += in_memory(&output);
        order.insert(number, output);
        while let Some(output) = order.pop() {
            held -= in_memory(&output);
            progress.aside(|| print(output))?;
        }
    }
    Ok(())
}

fn in_memory(output: &Output) -> usize {
    if let Output::Memory(data) = output { data.len() } else { 0 }
}

fn print(output: Output) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match output {
        Output::Nothing => return Ok(()),
        Output::Memory(data) => stdout.write_all(&data)?,
        Output::Spilled(path) => {
            io::copy(&mut File::open(&path)?, &mut stdout)?;
            fs::remove_file(&path)?;
        }
    }
    stdout.flush()
}
