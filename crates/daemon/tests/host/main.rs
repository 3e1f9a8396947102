// SPDX-License-Identifier: Apache-2.0

//! The agent's hands on this host: real processes, files and locks.
//!
//! Its own `main` runs before any harness starts a thread, because this binary is its own supervisor and fetcher too.

mod cache;
mod checks;
mod containers;
mod ending;
mod facts;
mod folders;
mod returning;
mod scratch;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if let Some(code) = kaon_containerizer::dispatch(std::env::args_os()) {
        return code;
    }
    let modules = [
        ("cache", cache::TESTS),
        ("checks", checks::TESTS),
        ("containers", containers::TESTS),
        ("ending", ending::TESTS),
        ("facts", facts::TESTS),
        ("folders", folders::TESTS),
        ("returning", returning::TESTS),
    ];
    let mut trials = Vec::new();
    for (module, tests) in modules {
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
