// SPDX-License-Identifier: Apache-2.0

//! Reads the JSON files that names and secrets lie in.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kaon_api::json::{Dialect, from_json, parse};
use kaon_api::v1;
use kaon_api::wire::Message;
use kaon_model::{Credential, Credentials, Secret};

#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("Failed to read credentials file '{path}': {error}")]
    Unreadable { path: String, error: std::io::Error },
    #[error(
        "Credentials file '{path}' is not JSON with principals and secrets, as this flag needs it; see --help"
    )]
    Invalid { path: String },
    #[error("The credential of '{principal}' in '{path}' has no secret")]
    NoSecret { path: String, principal: String },
    #[error("'{path}' names the principal '{principal}' twice")]
    Twice { path: String, principal: String },
    #[error("Credentials file '{path}' must contain at least one credential")]
    Empty { path: String },
}

/// All credentials in the file of `--credentials`: `{"credentials": [{"principal": "p", "secret": "s"}]}`.
pub fn read_all(path: &str) -> Result<Credentials, CredentialsError> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    let mut all = Credentials::new();
    for told in read::<v1::Credentials>(path)?.credentials {
        let Credential { principal, secret } = whole(path, told)?;
        if all.insert(principal.clone(), secret).is_some() {
            return Err(CredentialsError::Twice { path: path.to_owned(), principal });
        }
    }
    if all.is_empty() {
        return Err(CredentialsError::Empty { path: path.to_owned() });
    }
    Ok(all)
}

/// The one credential in the file of `--credential`: `{"principal": "p", "secret": "s"}`.
pub fn read_one(path: &str) -> Result<Credential, CredentialsError> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    whole(path, read(path)?)
}

fn read<M: Message>(path: &str) -> Result<M, CredentialsError> {
    let bytes =
        std::fs::read(path).map_err(|error| CredentialsError::Unreadable { path: path.to_owned(), error })?;
    warn_of_readers(Path::new(path));
    // The reader's own words would show what stands there.
    let read = parse(&bytes).ok().and_then(|json| from_json(&json, Dialect::V0).ok());
    read.ok_or_else(|| CredentialsError::Invalid { path: path.to_owned() })
}

fn whole(path: &str, told: v1::Credential) -> Result<Credential, CredentialsError> {
    let v1::Credential { principal, secret, .. } = told;
    match secret {
        Some(secret) => Ok(Credential { principal, secret: Secret::new(secret) }),
        None => Err(CredentialsError::NoSecret { path: path.to_owned(), principal }),
    }
}

/// Mesos: says so, and goes on.
fn warn_of_readers(path: &Path) {
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o007 != 0 {
        tracing::warn!(
            "Permissions on credentials file '{}' are too open; it is recommended that your credentials file is NOT \
             accessible by others",
            path.display()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> String {
        let path = std::env::temp_dir().join(format!("kaon-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    fn all(text: &str) -> Result<Credentials, String> {
        let path = file("credentials", text);
        let read = read_all(&format!("file://{path}")).map_err(|error| error.to_string().replace(&path, "F"));
        std::fs::remove_file(path).unwrap();
        read
    }

    fn one(text: &str) -> Result<Credential, String> {
        let path = file("credential", text);
        let read = read_one(&path).map_err(|error| error.to_string().replace(&path, "F"));
        std::fs::remove_file(path).unwrap();
        read
    }

    #[test]
    fn credentials_are_read() {
        let expected =
            Credentials::from([("a".into(), Secret::new("b")), ("c d".into(), Secret::new("e f"))]);
        let json = r#"{"credentials":[{"principal":"a","secret":"b"},{"principal":"c d","secret":"e f"}]}"#;
        assert_eq!(all(json), Ok(expected));
        let expected = Credential { principal: "a".into(), secret: Secret::new("b") };
        assert_eq!(one(r#"{"principal":"a","secret":"b"}"#), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for (text, problem) in [
            ("a hidden", "Credentials file 'F' is not JSON with principals"),
            (r#"{"credentials":[{"secret":"hidden"}]}"#, "Credentials file 'F' is not JSON with principals"),
            (r#"{"credentials":[]}"#, "Credentials file 'F' must contain at least one credential"),
            (r#"{"credentials":[{"principal":"a"}]}"#, "The credential of 'a' in 'F' has no secret"),
            (
                r#"{"credentials":[{"principal":"a","secret":"hidden"},{"principal":"a","secret":"x"}]}"#,
                "'F' names the principal 'a' twice",
            ),
        ] {
            let error = all(text).unwrap_err();
            assert!(error.starts_with(problem) && !error.contains("hidden"), "{error}");
        }
        assert!(one(r#"{"principal":"a"}"#).unwrap_err().starts_with("The credential of 'a'"));
        assert!(read_one("/nosuch").unwrap_err().to_string().starts_with("Failed to read credentials file"));
    }
}
