// SPDX-License-Identifier: Apache-2.0

//! Real containers: processes, signals, users and files of this host.
//!
//! Its own `main` runs before any harness starts a thread, because this binary plays every part: it is the agent, its
//! own supervisor, its own fetcher, and a second agent that is killed.

mod archives;
mod companions;
mod doomed_agent;
mod fetching;
mod host;
mod launching;
mod recovering;
mod trees;
mod users;
mod web;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if let Some(code) = kaon_containerizer::dispatch(std::env::args_os()) {
        return code;
    }
    if std::env::args().nth(1).as_deref() == Some(doomed_agent::VERB) {
        return doomed_agent::run();
    }
    let mut trials = Vec::new();
    for (module, tests) in [
        ("companions", companions::TESTS),
        ("launching", launching::TESTS),
        ("trees", trees::TESTS),
        ("recovering", recovering::TESTS),
        ("users", users::TESTS),
        ("fetching", fetching::TESTS),
        ("archives", archives::TESTS),
    ] {
        trials.extend(tests.iter().map(|(name, test)| {
            Trial::test(format!("{module}::{name}"), move || {
                test();
                Ok(())
            })
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Lists functions as tests under their own names.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub const TESTS: &[(&str, fn())] = &[$((stringify!($name), $name)),*];
    };
}
