// SPDX-License-Identifier: Apache-2.0

//! Writes records in the form that was asked for.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::arguments::Format;
use crate::table::{self, Column};
use crate::yaml;

/// Writes a list.
pub fn write_list(format: Format, columns: &[Column], records: Vec<Value>) -> io::Result<()> {
    let text = match format {
        Format::Table => table::lay_out(columns, &records, false, terminal_width()),
        // More columns than a terminal is wide would be broken beyond recognition.
        Format::Wide => table::lay_out(columns, &records, true, None),
        Format::Json => json(&Value::Array(records)),
        Format::Yaml => yaml::to_yaml(&Value::Array(records)),
    };
    write(&text)
}

/// Writes one record, for people as `text` says.
pub fn write_one(format: Format, record: &Value, text: impl FnOnce(&Value) -> String) -> io::Result<()> {
    write(&match format {
        Format::Table | Format::Wide => text(record),
        Format::Json => json(record),
        Format::Yaml => yaml::to_yaml(record),
    })
}

/// Makes room for the next look at the same thing.
pub fn clear_screen() -> io::Result<()> {
    if io::stdout().is_terminal() {
        // To the upper left corner, then clear from there on.
        return write("\x1b[H\x1b[J");
    }
    write("\n")
}

/// Writes what others have written, as it is.
pub fn write_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn write(text: &str) -> io::Result<()> {
    write_bytes(text.as_bytes())
}

fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// None where lines may be as long as they like.
fn terminal_width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    comfy_table::Table::new().width()
}
