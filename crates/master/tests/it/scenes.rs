// SPDX-License-Identifier: Apache-2.0

//! Scenes: files of inputs with the effects that each has.
//!
//! A line that begins with `> ` is an input; the lines below it are its effects. `UPDATE_SCENES=1` writes the effects
//! anew: read the difference before it is committed.
#![allow(clippy::disallowed_methods, reason = "scenes lie in files; the core has none")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::scene::Stage;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenes")
}

/// Plays the inputs of a scene, and returns it with the effects that they have now.
fn replay(text: &str) -> String {
    let mut stage = Stage::new();
    let mut out = String::new();
    for line in text.lines() {
        if let Some(input) = line.strip_prefix("> ") {
            let effects = stage.play(input);
            out.push_str(&format!("{line}\n{effects}"));
        } else if line.is_empty() || line.starts_with('#') {
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}

fn check(name: &str) {
    let path = folder().join(name);
    let expected = fs::read_to_string(&path).unwrap();
    let actual = replay(&expected);
    if std::env::var_os("UPDATE_SCENES").is_some() {
        fs::write(&path, &actual).unwrap();
        return;
    }
    let differs = expected.lines().zip(actual.lines()).position(|(a, b)| a != b);
    if let Some(at) =
        differs.or((expected != actual).then(|| expected.lines().count().min(actual.lines().count())))
    {
        let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_string();
        panic!("{name}, line {}:\nexpected {}\n     got {}", at + 1, line(&expected), line(&actual));
    }
}

#[test]
fn scenes_play_as_written() {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".txt"))
        .collect();
    names.sort();
    assert!(names.len() >= 20, "scenes are missing: {names:?}");
    names.iter().for_each(|name| check(name));
}
