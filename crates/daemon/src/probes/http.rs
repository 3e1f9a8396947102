// SPDX-License-Identifier: Apache-2.0

//! Asks a server of a task's how it is.
//!
//! Mesos runs `curl -L -k`: redirects are followed, certificates are not looked at, the answer's body is thrown away.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use kaon_executor::check::Outcome;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::insecure;

/// Bound: redirects of one look, as many as curl follows.
const MOST_REDIRECTS: u32 = 50;
/// Bound: bytes of an answer's body that are read; what is longer has answered.
const LARGEST_BODY: usize = 1 << 20;

pub async fn get(https: bool, ipv6: bool, port: u32, path: &str) -> Result<Outcome, String> {
    let (scheme, host) = (if https { "https" } else { "http" }, if ipv6 { "[::1]" } else { "127.0.0.1" });
    let mut uri = parse(&format!("{scheme}://{host}:{port}{path}"))?;
    for _ in 0..=MOST_REDIRECTS {
        let (status, location) = ask(&uri).await.map_err(|error| format!("{uri}: {error}"))?;
        match location {
            Some(location) if (300..400).contains(&status) => uri = join(&uri, &location)?,
            _ => return Ok(Outcome::Http { status }),
        }
    }
    Err(format!("Maximum ({MOST_REDIRECTS}) redirects followed"))
}

/// The status of the answer, with where it leads.
async fn ask(uri: &Uri) -> Result<(u16, Option<String>), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let host = uri.host().ok_or("the address names no host")?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let https = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
    let stream = TcpStream::connect((bare, port)).await.map_err(|error| text(&error))?;
    let response = if https {
        let name = ServerName::try_from(bare.to_owned()).map_err(|error| text(&error))?;
        let connector = TlsConnector::from(Arc::new(insecure::config()?));
        exchange(connector.connect(name, stream).await.map_err(|error| text(&error))?, uri).await?
    } else {
        exchange(stream, uri).await?
    };
    let status = response.status().as_u16();
    let location = response.headers().get(LOCATION);
    let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    drain(response.into_body()).await?;
    Ok((status, location))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    uri: &Uri,
) -> Result<Response<Incoming>, String> {
    let text = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    // Ends when the sender is dropped, or with the answer.
    tokio::spawn(connection);
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    // What stands before an `@` is for the server alone.
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("kaon-check/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    sender.send_request(request).await.map_err(text)
}

/// Mesos: an answer that breaks off is none.
async fn drain(mut body: Incoming) -> Result<(), String> {
    let mut read = 0;
    while read < LARGEST_BODY
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|error| format!("the answer broke off: {error}"))?;
        read += frame.data_ref().map_or(0, Bytes::len);
    }
    Ok(())
}

/// Bytes that may not stand in an address are written as such, as curl sends them.
fn parse(text: &str) -> Result<Uri, String> {
    let mut clean = String::with_capacity(text.len());
    for byte in text.split('#').next().unwrap_or_default().bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            clean.push(char::from(byte));
        } else {
            clean.push_str(&format!("%{byte:02X}"));
        }
    }
    if !clean.starts_with("http://") && !clean.starts_with("https://") {
        return Err(format!("'{clean}' is not an address of HTTP"));
    }
    clean.parse().map_err(|error| format!("'{clean}' is no address: {error}"))
}

/// Where a redirect leads from an address.
fn join(from: &Uri, location: &str) -> Result<Uri, String> {
    let scheme = from.scheme_str().unwrap_or("http");
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    match location {
        _ if location.split(['/', '?']).next().is_some_and(|first| first.contains(':')) => parse(location),
        _ if location.starts_with("//") => parse(&format!("{scheme}:{location}")),
        _ if location.starts_with('/') => parse(&format!("{scheme}://{authority}{location}")),
        _ if location.starts_with('?') => parse(&format!("{scheme}://{authority}{}{location}", from.path())),
        _ => parse(&format!("{scheme}://{authority}{folder}/{location}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_where_they_say() {
        let from = parse("http://127.0.0.1:80/a/b?c=d").unwrap();
        for (location, to) in [
            ("https://other:9/x", "https://other:9/x"),
            ("//other/x", "http://other/x"),
            ("/x", "http://127.0.0.1:80/x"),
            ("x", "http://127.0.0.1:80/a/x"),
            ("?y", "http://127.0.0.1:80/a/b?y"),
            ("/x?at=1:2", "http://127.0.0.1:80/x?at=1:2"),
            ("x y#z", "http://127.0.0.1:80/a/x%20y"),
        ] {
            assert_eq!(join(&from, location).map(|uri| uri.to_string()), Ok(to.to_string()), "{location}");
        }
        assert!(join(&from, "file:///etc/passwd").is_err());
        assert!(join(&from, "ftp://host/x").is_err());
    }
}
