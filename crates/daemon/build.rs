// SPDX-License-Identifier: Apache-2.0

//! Notes when, by whom and from which commit this crate was built, for /version.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rerun-if-changed=src");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let time = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse().ok()).unwrap_or(now);
    println!("cargo::rustc-env=KAON_BUILD_TIME={time}");
    println!(
        "cargo::rustc-env=KAON_BUILD_USER={}",
        std::env::var("USER").unwrap_or_else(|_| "unknown".into())
    );
    let head = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success());
    let sha = head.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    println!("cargo::rustc-env=KAON_GIT_SHA={}", sha.trim());
}
