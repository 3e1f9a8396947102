// SPDX-License-Identifier: Apache-2.0

//! Turns the wire contract under `proto/` into Rust types with their binary and JSON codecs.
//!
//! `docs/design/protobuf.md` says why the types are generated here and not by a library.

#[path = "build/codec.rs"]
mod codec;
#[path = "build/emit.rs"]
mod emit;
#[path = "build/schema.rs"]
mod schema;

use std::path::PathBuf;

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../proto");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("generated.rs");
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build");

    let files = |family: &str| {
        let mut names: Vec<String> = std::fs::read_dir(root.join(family))
            .expect("proto/ holds both families")
            .map(|entry| format!("{family}/{}", entry.expect("readable").file_name().to_string_lossy()))
            .filter(|name| name.ends_with(".proto"))
            .collect();
        names.sort();
        protox::compile(names, [&root])
            .unwrap_or_else(|error| panic!("proto/{family} does not compile: {error:?}"))
    };
    let schema = schema::Schema::merge(&files("v1"), &files("v0"));
    std::fs::write(out, emit::emit(&schema)).expect("OUT_DIR is writable");
}
