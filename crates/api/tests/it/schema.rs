// SPDX-License-Identifier: Apache-2.0

//! The contract as the tests see it: compiled afresh, apart from what the build script makes of it.

use std::path::Path;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};

/// All messages of both families.
pub static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let files = ["v0", "v1"].into_iter().flat_map(|family| {
        let entries = std::fs::read_dir(root.join(family)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(move |name| format!("{family}/{name}")).collect::<Vec<_>>()
    });
    let set = protox::compile(files, [&root]).unwrap();
    DescriptorPool::from_file_descriptor_set(set).unwrap()
});

pub fn is_v1(message: &MessageDescriptor) -> bool {
    let package = message.package_name();
    package == "mesos.v1" || package.starts_with("mesos.v1.")
}

/// A v0 name as v1 would spell it.
pub fn v1_spelling(v0: &str) -> String {
    v0.replacen("mesos", "mesos.v1", 1)
        .replace("Slave", "Agent")
        .replace("slave", "agent")
        .replace("SLAVE", "AGENT")
}

/// Messages of the contract, each with the name under which the crate knows it.
pub fn messages() -> Vec<(MessageDescriptor, String)> {
    let all = POOL.all_messages().filter(|message| !message.is_map_entry());
    let known = all.filter(|message| message.package_name().starts_with("mesos")).map(|message| {
        let name = message.full_name().to_owned();
        let known = |name: &str| kaon_api::reencode(name, &[]).is_some();
        let name = if known(&name) { name } else { v1_spelling(&name) };
        assert!(known(&name), "{} has no type", message.full_name());
        (message, name)
    });
    known.collect()
}
