// SPDX-License-Identifier: Apache-2.0

//! What a URI of a task means to the fetcher.

use std::path::{Component, Path, PathBuf};

use super::Uri;

/// Where something is fetched from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A file of this host.
    Local(PathBuf),
    /// An `http` or `https` URL.
    Web(String),
}

/// Where `uri` leads. Mesos: relative paths start from `frameworks_home`, if the agent has one.
pub(super) fn source(uri: &Uri, frameworks_home: Option<&str>) -> Result<Source, String> {
    let value = uri.value.trim_start();
    if value.contains(['\\', '\'', '\0']) {
        return Err("Illegal characters in URI".into());
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        return local(value, frameworks_home);
    };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => match rest.strip_prefix("localhost").unwrap_or(rest) {
            path if path.starts_with('/') => Ok(Source::Local(path.into())),
            _ => Err(format!("File URI only supports absolute paths: {value}")),
        },
        "http" | "https" => Ok(Source::Web(value.into())),
        other => Err(format!("The scheme '{other}' is not supported; use file, http or https")),
    }
}

fn local(path: &str, frameworks_home: Option<&str>) -> Result<Source, String> {
    if path.is_empty() {
        return Err("The URI is empty".into());
    }
    match frameworks_home.filter(|home| !home.is_empty()) {
        _ if path.starts_with('/') => Ok(Source::Local(path.into())),
        Some(home) => Ok(Source::Local(Path::new(home).join(path))),
        None => {
            Err("A relative path was passed for the resource but the frameworks home was not specified; \
                     start the agent with --frameworks_home, or use an absolute path"
                .into())
        }
    }
}

/// The path below the sandbox under which `uri` is kept.
pub(super) fn destination(uri: &Uri) -> Result<PathBuf, String> {
    match &uri.output_file {
        Some(output) => {
            let path = Path::new(output);
            // `.` components vanish in `components()`; anything else but plain names could leave the sandbox.
            if output.contains('\0') || !path.components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(format!("The output file '{output}' is not a path inside the sandbox"));
            }
            if output.is_empty() || output.ends_with('/') {
                return Err(format!("The output file '{output}' has no file name"));
            }
            Ok(path.components().collect())
        }
        None => base_name(uri.value.trim_start()).map(PathBuf::from),
    }
}

/// Mesos: the last component, the query included.
fn base_name(value: &str) -> Result<&str, String> {
    let path = match value.split_once("://") {
        Some((_, rest)) => match rest.split_once('/') {
            Some((_, path)) if !path.is_empty() => path,
            _ => return Err(format!("Malformed URI (missing path): {value}")),
        },
        None => value,
    };
    match path.rsplit('/').next().unwrap_or_default() {
        "" | "." | ".." => Err(format!("Malformed URI (missing file name): {value}")),
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let web = |url: &str| Ok(Source::Web(url.into()));
        let file = |path: &str| Ok(Source::Local(path.into()));
        let cases = [
            ("  http://h/a", None, web("http://h/a")),
            ("HTTPS://h/a?b=c", None, web("HTTPS://h/a?b=c")),
            ("file:///a/b", None, file("/a/b")),
            ("file://localhost/a", None, file("/a")),
            ("file://a/b", None, Err("File URI only supports absolute paths: file://a/b")),
            ("/a/b", Some("/home"), file("/a/b")),
            ("a/b", Some("/home"), file("/home/a/b")),
            ("it's", None, Err("Illegal characters in URI")),
            ("http://h/\\", None, Err("Illegal characters in URI")),
            ("a\0", None, Err("Illegal characters in URI")),
            ("", Some("/home"), Err("The URI is empty")),
            ("ftp://h/a", None, Err("The scheme 'ftp' is not supported; use file, http or https")),
            ("hdfs://h/a", None, Err("The scheme 'hdfs' is not supported; use file, http or https")),
        ];
        for (value, home, expected) in cases {
            assert_eq!(source(&Uri::new(value), home), expected.map_err(String::from), "{value:?}");
        }
        for home in [None, Some("")] {
            assert!(source(&Uri::new("a/b"), home).expect_err("refused").contains("--frameworks_home"));
        }
    }

    #[test]
    fn destinations() {
        let cases = [
            ("http://h/a/b.tgz", None, Ok("b.tgz")),
            ("http://h/a?x=/y.z", None, Ok("y.z")),
            ("http://h/a?x=1", None, Ok("a?x=1")),
            ("/a/b", None, Ok("b")),
            ("b", None, Ok("b")),
            ("http://h", None, Err("Malformed URI (missing path): http://h")),
            ("http://h/", None, Err("Malformed URI (missing path): http://h/")),
            ("http://h/a/", None, Err("Malformed URI (missing file name): http://h/a/")),
            ("/a/..", None, Err("Malformed URI (missing file name): /a/..")),
            ("http://h/a", Some("d/./e"), Ok("d/e")),
            ("http://h/a", Some("/e"), Err("The output file '/e' is not a path inside the sandbox")),
            (
                "http://h/a",
                Some("d/../../e"),
                Err("The output file 'd/../../e' is not a path inside the sandbox"),
            ),
            ("http://h/a", Some("d/"), Err("The output file 'd/' has no file name")),
            ("http://h/a", Some(""), Err("The output file '' has no file name")),
        ];
        for (value, output_file, expected) in cases {
            let uri = Uri { output_file: output_file.map(String::from), ..Uri::new(value) };
            assert_eq!(
                destination(&uri),
                expected.map(PathBuf::from).map_err(String::from),
                "{value} {output_file:?}"
            );
        }
    }
}
