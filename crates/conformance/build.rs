// SPDX-License-Identifier: Apache-2.0

//! Puts the recordings into the binary, so that it runs wherever it is copied to.

use std::fmt::Write;
use std::path::PathBuf;

fn main() {
    let folder =
        PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("recordings");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the recordings are part of the crate")
        .map(|entry| entry.expect("a folder of the repository is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let mut text = String::from("&[\n");
    for file in &files {
        let name = file.file_stem().expect("every file has a name").to_string_lossy();
        let path = file.to_str().expect("the repository's path is text");
        writeln!(text, "    ({name:?}, include_bytes!({path:?})),").expect("writing to a string succeeds");
    }
    text.push(']');
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("recordings.rs");
    std::fs::write(out, text).expect("OUT_DIR is writable");
}
