// SPDX-License-Identifier: Apache-2.0

//! The fetcher's work order, in the very form that Mesos gives to its own.

use serde::{Deserialize, Serialize};

/// Mesos: `mesos.fetcher.FetcherInfo`, as JSON in the environment variable `MESOS_FETCHER_INFO`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetcherInfo {
    /// Where everything goes.
    pub sandbox_directory: String,
    /// Where the cache of this user is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_directory: Option<String>,
    /// What to fetch, in order.
    #[serde(default)]
    pub items: Vec<Item>,
    /// As whom to fetch; `None` is the caller's own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What relative paths start from (`--frameworks_home`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frameworks_home: Option<String>,
    /// How long a download may stand still (`--fetcher_stall_timeout`); a minute if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_timeout: Option<Duration>,
}

/// Mesos: `DurationInfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duration {
    /// The whole of it.
    pub nanoseconds: i64,
}

/// One thing to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What.
    pub uri: Uri,
    /// Whether the cache takes part.
    #[serde(default)]
    pub action: Action,
    /// The name in the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_filename: Option<String>,
    /// How large its file in the cache may be; what is larger is fetched without it. Not known to Mesos.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_limit: Option<u64>,
}

/// What an item does with the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// Nothing.
    #[default]
    BypassCache,
    /// Fetch into the cache, then copy.
    DownloadAndCache,
    /// Copy from the cache.
    RetrieveFromCache,
}

/// Mesos: `CommandInfo.URI`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uri {
    /// The URI or path.
    pub value: String,
    /// Whether to make it executable, and then never extract it.
    #[serde(default)]
    pub executable: bool,
    /// Whether to extract it if it is an archive.
    #[serde(default = "yes")]
    pub extract: bool,
    /// Whether the framework would like it cached.
    #[serde(default)]
    pub cache: bool,
    /// Under which name, relative to the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_file: Option<String>,
}

impl Uri {
    /// A URI with the defaults of Mesos.
    pub fn new(value: impl Into<String>) -> Uri {
        Uri { value: value.into(), executable: false, extract: true, cache: false, output_file: None }
    }
}

impl From<Uri> for Item {
    /// To be fetched without a cache.
    fn from(uri: Uri) -> Item {
        Item { uri, action: Action::BypassCache, cache_filename: None, cache_limit: None }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_mesos_is_understood() {
        let text = r#"{"sandbox_directory":"/s","cache_directory":"/c","items":[
            {"uri":{"value":"http://h/a.tgz","executable":false,"extract":true,"cache":true},"action":"RETRIEVE_FROM_CACHE","cache_filename":"c1-a.tgz"},
            {"uri":{"value":"/b","extract":false,"output_file":"d/e"}}],
            "user":"nobody","frameworks_home":"","stall_timeout":{"nanoseconds":60000000000}}"#;
        let info: FetcherInfo = serde_json::from_str(text).expect("reads");
        assert_eq!(info.items[0].action, Action::RetrieveFromCache);
        assert!(info.items[0].uri.cache && info.items[0].uri.extract);
        assert_eq!(
            info.items[1],
            Item::from(Uri { extract: false, output_file: Some("d/e".into()), ..Uri::new("/b") })
        );
        assert_eq!(info.stall_timeout, Some(Duration { nanoseconds: 60_000_000_000 }));
        assert!(serde_json::from_str::<FetcherInfo>(r#"{"items":[]}"#).is_err(), "the sandbox is required");
    }
}
