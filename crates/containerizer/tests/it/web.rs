// SPDX-License-Identifier: Apache-2.0

//! A tiny web server with just the manners that the fetcher must cope with.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

const CERTIFICATE: &[u8] = include_bytes!("tls/server.pem");
const KEY: &[u8] = include_bytes!("tls/server.key");

/// Serves on a port of its own for as long as the test process lives.
pub fn serve() -> u16 {
    listen(answer)
}

/// Likewise over TLS, with a certificate that only `tls/ca.pem` vouches for.
pub fn serve_tls() -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("reads");
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("reads");
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("has versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they match");
    let config = Arc::new(config);
    listen(move |mut socket| {
        let mut connection = ServerConnection::new(config.clone()).expect("begins");
        answer(Stream::new(&mut connection, &mut socket));
        connection.send_close_notify();
        let _client_hung_up = connection.write_tls(&mut socket);
    })
}

fn listen(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("binds");
    let port = listener.local_addr().expect("is bound").port();
    let handle = Arc::new(handle);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handle = handle.clone();
            std::thread::spawn(move || handle(stream));
        }
    });
    port
}

fn answer(mut stream: impl Read + Write) {
    let Some(head) = head(&mut stream) else { return };
    let path = head.split(' ').nth(1).unwrap_or_default().to_string();
    let authorised = head.to_ascii_lowercase().contains("authorization: basic dtpw");
    let _client_hung_up = match path.as_str() {
        "/hello" | "/d/hello?x=1" => reply(&mut stream, "200 OK", "", b"hello"),
        "/empty" => reply(&mut stream, "200 OK", "", b""),
        "/redirect" => reply(&mut stream, "302 Found", "Location: /hello\r\n", b"not this"),
        "/loop" => reply(&mut stream, "302 Found", "Location: /loop\r\n", b""),
        "/nothing" => reply(&mut stream, "204 No Content", "", b""),
        "/partial" => reply(&mut stream, "206 Partial Content", "", b"part"),
        "/secret" if authorised => reply(&mut stream, "200 OK", "", b"opened"),
        "/secret" => reply(&mut stream, "401 Unauthorized", "", b""),
        "/short" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!"),
        "/chunked" => stream.write_all(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        ),
        "/stalling" => stall(&mut stream),
        "/silent" => {
            std::thread::sleep(Duration::from_secs(5));
            Ok(())
        }
        "/slow" => drip(&mut stream),
        _ => reply(&mut stream, "404 Not Found", "", b"no such thing"),
    };
    let _client_hung_up = stream.flush();
}

/// Everything up to the empty line that ends a request's head.
fn head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0u8];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn reply(stream: &mut impl Write, status: &str, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let length =
        if status.starts_with("204") { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    stream
        .write_all(format!("HTTP/1.1 {status}\r\n{headers}{length}Connection: close\r\n\r\n").as_bytes())?;
    stream.write_all(body)
}

/// Begins to answer, and then says nothing more.
fn stall(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!")?;
    stream.flush()?;
    std::thread::sleep(Duration::from_secs(5));
    Ok(())
}

/// Slower altogether than any stall timeout of the tests, but never still for that long.
fn drip(stream: &mut impl Write) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")?;
    for _ in 0..10 {
        stream.write_all(b"x")?;
        stream.flush()?;
        std::thread::sleep(Duration::from_millis(120));
    }
    Ok(())
}
