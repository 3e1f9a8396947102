// SPDX-License-Identifier: Apache-2.0

//! The text of `--help`.

use std::fmt::Write;

use super::{Flag, Kind, Status, Table, all};

/// Where the right column begins.
const COLUMN: usize = 46;
/// Where the lines end.
const WIDTH: usize = 110;

/// One entry for each flag, in order of their names.
pub fn help(program: &str, table: Table) -> String {
    let mut out = format!("Usage: {program} [options]\n\n");
    for flag in all(table).values() {
        let left = match flag.kind {
            Kind::Bool => format!("  --[no-]{}", flag.name),
            _ => format!("  --{}=VALUE", flag.name),
        };
        let mut lines = wrap(&text(flag)).into_iter();
        let first = lines.next().unwrap_or_default();
        if left.len() < COLUMN {
            writeln!(out, "{left:COLUMN$}{first}").expect("writing to a string succeeds");
        } else {
            writeln!(out, "{left}\n{:COLUMN$}{first}", "").expect("writing to a string succeeds");
        }
        for line in lines {
            writeln!(out, "{:COLUMN$}{line}", "").expect("writing to a string succeeds");
        }
    }
    out
}

fn text(flag: &Flag) -> String {
    let mut text = match flag.status {
        Status::Used => flag.help.to_owned(),
        Status::Ignored(why) => format!("No effect: {why}."),
        Status::Refused(why) => format!("Cannot be had: {why}."),
    };
    if let Kind::Choice(words) = flag.kind {
        text.push_str(&format!(" One of {}.", words.join(", ")));
    }
    if let Some((least, greatest)) = flag.between {
        text.push_str(&format!(" Between {least} and {greatest}."));
    }
    if let Some(default) = flag.default {
        text.push_str(&format!(" (default: {default})"));
    }
    if let Some(alias) = flag.alias {
        text.push_str(&format!(" Formerly '{alias}'."));
    }
    text
}

fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if COLUMN + line.len() + 1 + word.len() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
