// SPDX-License-Identifier: Apache-2.0

//! What came out, for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::difference::Difference;
use crate::divergence::explains;

#[derive(Debug, Default)]
pub struct Report {
    compared: usize,
    equal: usize,
    /// By number, then by exchange.
    on_purpose: BTreeMap<u32, Vec<(String, Difference)>>,
    differing: BTreeMap<String, Vec<Difference>>,
    purposely: usize,
}

impl Report {
    /// Notes one exchange.
    pub fn add(&mut self, exchange: &str, differences: Vec<Difference>) {
        self.compared += 1;
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for difference in differences {
            match explains(exchange, &difference) {
                Some(row) => known.push((row.number, difference)),
                None => unknown.push(difference),
            }
        }
        match (known.is_empty(), unknown.is_empty()) {
            (true, true) => self.equal += 1,
            (false, true) => self.purposely += 1,
            _ => drop(self.differing.insert(exchange.to_owned(), unknown)),
        }
        for (number, difference) in known {
            self.on_purpose.entry(number).or_default().push((exchange.to_owned(), difference));
        }
    }

    pub fn is_good(&self) -> bool {
        self.compared > 0 && self.differing.is_empty()
    }

    pub fn text(&self) -> String {
        let mut out = String::new();
        let sink = "writing to a string succeeds";
        for (number, places) in &self.on_purpose {
            writeln!(out, "on purpose, divergence {number}:").expect(sink);
            for (exchange, difference) in places {
                writeln!(out, "  {exchange}  {difference}").expect(sink);
            }
        }
        for (exchange, differences) in &self.differing {
            writeln!(out, "DIFFERENT {exchange}:").expect(sink);
            for difference in differences {
                writeln!(out, "  {difference}").expect(sink);
            }
        }
        let Report { compared, equal, purposely, .. } = self;
        let different = self.differing.len();
        writeln!(
            out,
            "{compared} compared, {equal} equal, {purposely} different on purpose, {different} different"
        )
        .expect(sink);
        out
    }
}
