// SPDX-License-Identifier: Apache-2.0

//! The doors by which the binary enters this crate's own programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::{companion, fetcher, supervisor};

/// The verb of a supervisor; its one argument is the container's runtime folder.
pub(crate) const SUPERVISE: &str = "supervise";
/// The verb of a fetcher; it reads a line of JSON from its standard input.
pub(crate) const FETCH: &str = "fetch";
/// The verb of a companion; its standard input is a socket.
pub(crate) const ACCOMPANY: &str = "accompany";
/// Mesos: the name of its fetcher program, which takes its work from an environment variable.
const MESOS_FETCHER: &str = "mesos-fetcher";

/// Runs the supervisor, a companion or the fetcher if `arguments` (the whole argv) ask for one, and returns its exit code.
///
/// To be called first in `main`: all rely on being the only thread of their process.
pub fn dispatch(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter();
    let name = arguments.next()?;
    if Path::new(&name).file_name().is_some_and(|name| name == MESOS_FETCHER) {
        return Some(fetcher::program::run_as_mesos_fetcher());
    }
    let Some(verb) = arguments.next() else {
        // Mesos: its agents follow links before they start the fetcher, and so call it by the name of the binary.
        let is_meant = std::env::var_os(fetcher::program::WORK).is_some();
        return is_meant.then(fetcher::program::run_as_mesos_fetcher);
    };
    let verb = verb.to_str().filter(|verb| [SUPERVISE, ACCOMPANY, FETCH].contains(verb))?;
    crate::spawner::settle_open_files();
    match (verb, arguments.next(), arguments.next()) {
        (SUPERVISE, Some(folder), None) => Some(supervisor::run(&PathBuf::from(folder))),
        (ACCOMPANY, None, None) => Some(companion::program::run()),
        (FETCH, None, None) => Some(fetcher::program::run()),
        _ => None,
    }
}
