// SPDX-License-Identifier: Apache-2.0

//! Lays records out in columns.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use serde_json::Value;

/// One column: where its value comes from and how it is shown.
#[derive(Clone, Copy)]
pub struct Column {
    pub title: &'static str,
    /// Whether it is left out unless people ask for more.
    pub wide: bool,
    pub show: fn(&Value) -> Shown,
}

/// What stands in a cell.
pub enum Shown {
    Text(String),
    /// To be read from the right.
    Number(String),
}

/// A table of `records` as text, each line ended; made to fit into `width` characters, if there is a limit.
pub fn lay_out(columns: &[Column], records: &[Value], wide: bool, width: Option<u16>) -> String {
    let columns: Vec<&Column> = columns.iter().filter(|column| wide || !column.wide).collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns.iter().map(|column| column.title));
    match width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    for record in records {
        table.add_row(columns.iter().map(|column| match (column.show)(record) {
            Shown::Text(text) => Cell::new(printable(&text)),
            Shown::Number(text) => Cell::new(printable(&text)).set_alignment(CellAlignment::Right),
        }));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    // The most telling column stands first, and is not to be broken while others can be.
    if let Some(first) = table.column_mut(0) {
        first.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// What others put into names is not to steer our terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: [Column; 3] = [
        Column {
            title: "NAME",
            wide: false,
            show: |record| Shown::Text(record["name"].as_str().unwrap().into()),
        },
        Column { title: "CPUS", wide: false, show: |record| Shown::Number(record["cpus"].to_string()) },
        Column { title: "MORE", wide: true, show: |_| Shown::Text("much more than fits".into()) },
    ];

    #[test]
    fn columns_line_up() {
        let records =
            [json!({ "name": "a\u{1b}[31m", "cpus": 1 }), json!({ "name": "longer name", "cpus": 100 })];
        let table = lay_out(&COLUMNS, &records, false, None);
        assert_eq!(table, "NAME         CPUS\na\u{fffd}[31m          1\nlonger name   100\n");
        assert!(lay_out(&COLUMNS, &records, true, None).contains("much more than fits"));
        assert_eq!(lay_out(&COLUMNS, &[], false, None), "NAME  CPUS\n");
    }

    #[test]
    fn a_narrow_terminal_breaks_the_least_telling_columns() {
        let records = [json!({ "name": "longer name", "cpus": 1 })];
        let table = lay_out(&COLUMNS, &records, true, Some(30));
        assert!(table.lines().all(|line| line.chars().count() <= 30), "{table}");
        assert!(table.contains("longer name"), "{table}");
    }
}
