// SPDX-License-Identifier: Apache-2.0

//! The program that answers, as masters and agents tell of it.

use kaon_api::json::JsonWriter;
use kaon_api::v1::VersionInfo;

/// Of which build a program is. No core can know; the shell fills it in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Build {
    /// `2026-11-22 03:22:00`.
    pub date: String,
    /// Seconds since 1970.
    pub time: f64,
    pub user: String,
    pub git_sha: Option<String>,
    pub git_branch: Option<String>,
    pub git_tag: Option<String>,
    /// Our own version, apart from that of Mesos, which clients compare.
    pub kaon_version: Option<String>,
}

impl Build {
    /// Writes the members of `/version`. Mesos: in the order of names, unlike in `/state`.
    pub fn write_sorted(&self, w: &mut JsonWriter<'_>, version: &str) {
        self.write_moment(w);
        text(w, "git_branch", self.git_branch.as_deref());
        text(w, "git_sha", self.git_sha.as_deref());
        text(w, "git_tag", self.git_tag.as_deref());
        text(w, "kaon_version", self.kaon_version.as_deref());
        text(w, "version", Some(version));
    }

    /// Writes the members that `/state` begins with.
    pub fn write(&self, w: &mut JsonWriter<'_>, version: &str) {
        text(w, "version", Some(version));
        text(w, "kaon_version", self.kaon_version.as_deref());
        text(w, "git_sha", self.git_sha.as_deref());
        text(w, "git_branch", self.git_branch.as_deref());
        text(w, "git_tag", self.git_tag.as_deref());
        self.write_moment(w);
    }

    fn write_moment(&self, w: &mut JsonWriter<'_>) {
        text(w, "build_date", Some(&self.date));
        w.key("build_time");
        w.double(self.time);
        text(w, "build_user", Some(&self.user));
    }

    /// The answer to GET_VERSION, which has no member for our own version.
    pub fn version_info(&self, version: &str) -> VersionInfo {
        VersionInfo {
            version: version.to_string(),
            build_date: Some(self.date.clone()),
            build_time: Some(self.time),
            build_user: Some(self.user.clone()),
            git_sha: self.git_sha.clone(),
            git_branch: self.git_branch.clone(),
            git_tag: self.git_tag.clone(),
            ..Default::default()
        }
    }
}

fn text(w: &mut JsonWriter<'_>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        w.key(name);
        w.string(value);
    }
}
