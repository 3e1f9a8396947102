// SPDX-License-Identifier: Apache-2.0

//! Fetches over HTTP.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// Bound: redirects of one download, as many as curl follows.
const MOST_REDIRECTS: u32 = 50;

/// Where the host keeps the certificates that it trusts, by distribution.
const TRUST: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Downloads `url` into `file`, but no more than `most` bytes; how many there were. Mesos: redirects are followed, nothing but 200 is success, and a transfer that stands
/// still for `stall` fails, however long the whole may take.
pub(super) fn download(url: &str, file: &mut File, stall: Duration, most: u64) -> Result<u64, String> {
    let failed = |error: ureq::Error| match error {
        ureq::Error::Timeout(_) => {
            format!("Error downloading resource: nothing was received for {} s", stall.as_secs_f64())
        }
        other => format!("Error downloading resource: {other}"),
    };
    let (url, credentials) = split_credentials(url)?;
    let agent = agent(stall)?;
    let mut request = agent.get(&url);
    if let Some(credentials) = credentials {
        let credentials = base64::engine::general_purpose::STANDARD.encode(credentials);
        request = request.header("Authorization", format!("Basic {credentials}"));
    }
    let response = request.call().map_err(failed)?;
    if response.status() != 200 {
        return Err(format!(
            "Error downloading resource, received HTTP return code {}",
            response.status().as_u16()
        ));
    }
    let body = response.into_body().into_with_config().limit(u64::MAX).reader();
    io::copy(&mut body.take(most), file).map_err(|error| failed(error.into()))
}

fn agent(stall: Duration) -> Result<Agent, String> {
    let tls = TlsConfig::builder().root_certs(trusted()?).build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(MOST_REDIRECTS)
        .user_agent(concat!("kaon-fetcher/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(stall))
        .timeout_connect(Some(stall))
        .timeout_recv_response(Some(stall))
        .timeout_per_read(Some(stall))
        .timeout_per_write(Some(stall))
        .tls_config(tls);
    Ok(config.build().into())
}

/// Whom the host trusts; `SSL_CERT_FILE` overrides as it does for OpenSSL and curl, and a host that says nothing gets
/// the public authorities that are built in.
fn trusted() -> Result<RootCerts, String> {
    let named = std::env::var("SSL_CERT_FILE").ok();
    let bundle = match &named {
        Some(path) => {
            std::fs::read(path).map_err(|error| format!("Cannot read SSL_CERT_FILE '{path}': {error}"))?
        }
        None => match TRUST.iter().find_map(|path| std::fs::read(path).ok()) {
            Some(bundle) => bundle,
            None => return Ok(RootCerts::WebPki),
        },
    };
    // A bundle holds certificates of odd make: one that cannot be read must not take the others with it.
    let certificates = parse_pem(&bundle).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    Ok(RootCerts::Specific(Arc::new(certificates.collect())))
}

/// Takes `user:password@` out of a URL, where curl and so Mesos accept it.
fn split_credentials(url: &str) -> Result<(String, Option<String>), String> {
    let parsed: Uri = url.parse().map_err(|error| format!("Malformed URI: {error}"))?;
    let authority = parsed.authority().map_or("", |authority| authority.as_str());
    let Some((credentials, host)) = authority.rsplit_once('@') else {
        return Ok((url.to_string(), None));
    };
    let path = parsed.path_and_query().map_or("/", |path| path.as_str());
    let scheme = parsed.scheme_str().unwrap_or("http");
    Ok((format!("{scheme}://{host}{path}"), Some(decode_percent(credentials))))
}

fn decode_percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], escaped) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_the_url() {
        let split = |url| split_credentials(url).expect("parses");
        assert_eq!(split("http://h:80/a?b"), ("http://h:80/a?b".into(), None));
        assert_eq!(split("https://u:p%40%zz@h/a?b"), ("https://h/a?b".into(), Some("u:p@%zz".into())));
        assert!(split_credentials("http://h h/").is_err());
    }
}
