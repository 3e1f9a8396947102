// SPDX-License-Identifier: Apache-2.0

//! What a simulated task does, written into its command: `run 1500 exit 0`, `run 9000 exit 1 stubborn`.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    pub runs: Duration,
    pub exit_code: i32,
    /// Ignores SIGTERM.
    pub stubborn: bool,
}

impl Script {
    pub fn text(&self) -> String {
        let stubborn = if self.stubborn { " stubborn" } else { "" };
        format!("run {} exit {}{stubborn}", self.runs.as_millis(), self.exit_code)
    }

    /// None where the text is no script: then it is a command that cannot be started.
    pub fn parse(text: &str) -> Option<Script> {
        let words: Vec<&str> = text.split(' ').collect();
        let (["run", runs, "exit", code], rest) = words.split_first_chunk::<4>().map(|(a, b)| (*a, b))?
        else {
            return None;
        };
        Some(Script {
            runs: Duration::from_millis(runs.parse().ok()?),
            exit_code: code.parse().ok()?,
            stubborn: rest == ["stubborn"],
        })
    }

    /// As wait(2) tells it.
    pub fn wait_status(&self) -> i32 {
        self.exit_code << 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_survive_as_text() {
        for stubborn in [false, true] {
            let script = Script { runs: Duration::from_millis(1500), exit_code: 3, stubborn };
            assert_eq!(Script::parse(&script.text()), Some(script));
        }
        assert_eq!(Script::parse("sleep 5"), None);
    }
}
