// SPDX-License-Identifier: Apache-2.0

//! The agent as a black box: scripts of inputs with the effects that they must have.
//!
//! A scene is a file in `tests/scenes`: lines that begin with `> ` are inputs, the lines after each are its effects as
//! text. `UPDATE_SCENES=1` writes what happens into the files, to be read before it is committed.

mod cuts;
mod endings;
mod endpoints;
mod inputs;
mod limitations;
mod mesos;
mod operations;
mod render;
mod rounds;
mod scene;
mod storm;

use std::fs;
use std::path::Path;

#[allow(clippy::disallowed_methods, reason = "a test reads its scenes; the core itself touches no file")]
#[test]
fn scenes_play_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenes");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 5, "the scenes are gone");
    let update = std::env::var("UPDATE_SCENES").is_ok();
    let mut wrong = Vec::new();
    for path in paths {
        let written = fs::read_to_string(&path).unwrap();
        let played = scene::play(&written);
        if update {
            fs::write(&path, &played).unwrap();
        } else if played != written {
            wrong.push(format!("{}:\n{}", path.display(), difference(&written, &played)));
        }
    }
    assert!(wrong.is_empty(), "scenes differ (UPDATE_SCENES=1 rewrites them):\n{}", wrong.join("\n"));
}

/// The first lines that differ, with some context.
fn difference(written: &str, played: &str) -> String {
    let (written, played): (Vec<_>, Vec<_>) = (written.lines().collect(), played.lines().collect());
    let at = (0..).find(|&at| written.get(at) != played.get(at)).unwrap();
    let show = |lines: &[&str], mark: &str| {
        let part = lines.iter().skip(at).take(6);
        part.map(|line| format!("{mark} {line}\n")).collect::<String>()
    };
    let before: String = written[at.saturating_sub(4)..at].iter().map(|line| format!("  {line}\n")).collect();
    format!("line {}:\n{before}{}{}", at + 1, show(&written, "-"), show(&played, "+"))
}
