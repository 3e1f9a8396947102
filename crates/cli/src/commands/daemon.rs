// SPDX-License-Identifier: Apache-2.0

//! `kaon master`, `kaon agent` and `kaon local`, before the daemons read their flags.

use std::ffi::OsString;

use anyhow::bail;
use clap::CommandFactory;
use kaon_daemon::flags::{Kind, Table};

use crate::arguments::Cli;

/// Fails if there is a word that is no flag, nor the value of one: a command that was misspelt or misplaced is not to
/// start a daemon.
///
/// Mesos: such words are skipped, as they still are by the names of its programs.
pub fn refuse_words(name: &str, table: Table, arguments: &[OsString]) -> anyhow::Result<()> {
    if arguments.iter().any(|argument| argument == "--help") {
        return Ok(());
    }
    let words = words(table, arguments);
    let commands = commands(name);
    if let Some(command) = words.iter().find(|word| commands.contains(word)) {
        bail!("'{command}' must come before its options: kaon {name} {command} …");
    }
    match words.first() {
        None => Ok(()),
        Some(word) if commands.is_empty() => {
            bail!("'{word}' is no flag, nor the value of one; `kaon {name} --help` lists the flags")
        }
        Some(word) => {
            bail!(
                "unknown command '{word}'; `kaon {name} --help` lists the commands, and the flags of `kaon {name}`"
            )
        }
    }
}

fn commands(name: &str) -> Vec<String> {
    let cli = Cli::command();
    let commands = cli.find_subcommand(name).into_iter().flat_map(clap::Command::get_subcommands);
    commands.map(|command| command.get_name().to_owned()).collect()
}

/// The words that the daemon's own parser would skip.
fn words(table: Table, arguments: &[OsString]) -> Vec<String> {
    let mut words = Vec::new();
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy()).peekable();
    while let Some(argument) = arguments.next() {
        let argument = argument.trim();
        match argument.strip_prefix("--") {
            Some("") => break,
            Some(flag) if flag.contains('=') || is_boolean(table, &flag.to_lowercase()) => {}
            // Of a flag that nobody knows the parser tells more.
            Some(_) => _ = arguments.next_if(|next| !next.starts_with("--")),
            None if argument.is_empty() || argument.starts_with('-') => {}
            None => words.push(argument.to_owned()),
        }
    }
    words
}

fn is_boolean(table: Table, name: &str) -> bool {
    let name = name.strip_prefix("no-").unwrap_or(name);
    let mut flags = table.iter().flat_map(|flags| flags.iter());
    flags.any(|flag| (flag.name == name || flag.alias == Some(name)) && flag.kind == Kind::Bool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaon_daemon::flags::{agent, local, master};

    #[test]
    fn a_word_does_not_start_a_daemon() {
        for (name, table, line, expected) in [
            ("agent", agent::TABLE, "--master=m:1 drain host7", "'drain' must come before its options"),
            ("agent", agent::TABLE, "--master m:1 drain host7", "'drain' must come before its options"),
            ("agent", agent::TABLE, "--grace 5m host7 drain", "'drain' must come before its options"),
            ("agent", agent::TABLE, "drani host7", "unknown command 'drani'"),
            ("agent", agent::TABLE, "--no-quiet host7", "unknown command 'host7'"),
            ("agent", agent::TABLE, "--quiet false", "unknown command 'false'"),
            ("master", master::TABLE, "--port=1 drain", "'drain' is no flag"),
            ("local", local::TABLE, "3", "'3' is no flag"),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let refused = refuse_words(name, table, &arguments).unwrap_err().to_string();
            assert!(refused.contains(expected), "{line}: {refused}");
        }
    }

    #[test]
    fn flags_and_their_values_are_no_words() {
        for (table, line) in [
            (agent::TABLE, "--master drain --port 5051 --quiet --no-strict -v --ip=::1"),
            (agent::TABLE, "--WORK_DIR /tmp --no_such_flag value --help drain"),
            (agent::TABLE, "--no_such_flag value -- whatever"),
            (master::TABLE, "--zk zk://z --quorum 2"),
            (local::TABLE, "--agents 3 --num_slaves 3"),
            (local::TABLE, ""),
        ] {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert!(refuse_words("agent", table, &arguments).is_ok(), "{line}");
        }
    }
}
