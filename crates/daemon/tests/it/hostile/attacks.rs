// SPDX-License-Identifier: Apache-2.0

//! What such clients send.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::walk::Target;

/// More than any body that is taken.
const LARGE: usize = 100_000_000;
/// What is sent at once of a large body.
const PIECE: usize = 1 << 20;

/// Each endpoint, under requests that are none, or that end early, or that do not end.
pub fn endpoints(target: &Target<'_>) {
    for path in &target.paths {
        for kind in ["application/json", "application/x-protobuf"] {
            let garbage = request("POST", path, &format!("Content-Type: {kind}\r\n"), &garbage(4096));
            is_answered(target, path, &garbage);
            cut_short(target, &garbage);
        }
        is_answered(target, path, &request("GET", path, "", b""));
        is_answered(target, path, &request("BREW", path, "", b""));
        let query = format!("{path}?{}=%00&jsonp=<script>&path=../../../etc/passwd", "k".repeat(1000));
        is_answered(target, path, &request("GET", &query, "", b""));
        is_answered(target, path, &format!("POST {path} HTTP/1.1\r\n\u{0}: x\r\n\r\n").into_bytes());
        let headers = (0..10_000).map(|number| format!("H-{number}: x\r\n")).collect::<String>();
        let status = is_answered(target, path, &request("POST", path, &headers, b""));
        assert!(["400", "431"].contains(&status.as_str()), "{path}: {status}");
        let status = large(target, &format!("POST {path} HTTP/1.1\r\nContent-Length: {LARGE}\r\n\r\n"), b"");
        assert_eq!(status.as_deref().unwrap_or("413"), "413", "{path}");
    }
    let chunked =
        "POST /api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let status = large(target, chunked, format!("{PIECE:x}\r\n").as_bytes());
    assert_eq!(status.as_deref().unwrap_or("413"), "413");
}

/// Each call, without what it needs, and in pieces of what it is.
pub fn calls(target: &Target<'_>) {
    let deep = format!("{{\"type\":{}", "[".repeat(100_000));
    let many = format!("{{\"type\":[{}0]}}", "0,".repeat(2_000_000));
    for (path, types) in &target.apis {
        for kind in types {
            let member = kind.to_lowercase();
            for body in [
                format!("{{\"type\":\"{kind}\"}}"),
                format!("{{\"type\":\"{kind}\",\"framework_id\":{{}},\"{member}\":{{}}}}"),
                format!(
                    "{{\"type\":\"{kind}\",\"{member}\":{{\"framework_id\":[[[{{}}]]],\"path\":\"../..\"}}}}"
                ),
                format!("{{\"type\":\"{kind}\",\"{member}\":"),
            ] {
                let call = request("POST", path, "Content-Type: application/json\r\n", body.as_bytes());
                is_answered(target, kind, &call);
                cut_short(target, &call);
            }
            // The type, then a member that promises more than comes.
            let number = u8::try_from(types.iter().position(|other| other == kind).unwrap_or(0)).unwrap_or(0);
            let protobuf = [0x08, number, 0x12, 0x7f, 0x0a, 0x05];
            let head = "Content-Type: application/x-protobuf\r\n";
            is_answered(target, kind, &request("POST", path, head, &protobuf));
        }
        for body in [&deep, &many] {
            let call = request("POST", path, "Content-Type: application/json\r\n", body.as_bytes());
            assert_eq!(is_answered(target, path, &call), "400", "{path}: {body:.20}");
        }
    }
}

/// Each message between processes. A sender that is answered 202 has been heard, not believed.
pub fn messages(target: &Target<'_>) {
    let head = |name: &str| {
        let actor = target.actor;
        format!("POST /{actor}/{name} HTTP/1.1\r\nUser-Agent: libprocess/evil(1)@127.0.0.1:9\r\n")
    };
    for name in target.messages.iter().chain(&["mesos.internal.NoSuchMessage", "", "a/b/c"]) {
        let length = |body: &[u8]| format!("{}Content-Length: {}\r\n\r\n", head(name), body.len());
        for body in [&[][..], &garbage(4096), &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], &[0x0b; 100_000]] {
            let message = [length(body).as_bytes(), body].concat();
            let mut stream = target.daemon.connect();
            stream.write_all(&message).unwrap();
            assert!(["202", "400", "404"].contains(&status(&mut stream).as_str()), "{name}");
            cut_short(target, &message);
        }
        let bad = format!("{}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", head(name));
        let mut stream = target.daemon.connect();
        stream.write_all(bad.as_bytes()).unwrap();
        assert_eq!(status(&mut stream), "400", "{name}");
        // As much as is taken: nothing but what is in it is wrong.
        let announced = format!("{}Content-Length: {LARGE}\r\n\r\n", head(name));
        let answer = large(target, &announced, b"");
        assert!(answer.is_some(), "a message {name} of {LARGE} bytes was not answered");
    }
}

/// Many large bodies at once: what they may take together is bounded, and some are refused.
pub fn large_bodies(target: &Target<'_>) {
    let body = vec![b' '; 55_000_000];
    let head = "POST /api/v1 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 60000000\r\n\r\n";
    let mut streams: Vec<TcpStream> = (0..10).map(|_| target.daemon.connect()).collect();
    let sent: Vec<bool> = streams
        .iter_mut()
        .map(|stream| stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_ok())
        .collect();
    let refused = sent.iter().filter(|sent| !**sent).count();
    let told = streams.iter_mut().map(is_refused).filter(|told| *told).count();
    assert!(refused + told > 0, "ten bodies of {} bytes were taken at once", body.len());
}

/// JSON of which each few bytes are an object, to where it is parsed and to where it is read as a form.
pub fn nested_bodies(target: &Target<'_>) {
    let chain = format!("{}{{}}{},", r#"{"":   "#.repeat(198), "}".repeat(198));
    let body = format!("[{}0]", format!("{chain:<1600}").repeat(20_000));
    for path in ["/api/v1", "/quota", "/machine/down", "/reserve", "/teardown"] {
        let call = request("POST", path, "Content-Type: application/json\r\n", body.as_bytes());
        let status = is_answered(target, path, &call);
        assert!(["400", "404"].contains(&status.as_str()), "{path}: {status}");
    }
}

/// Whether the answer 503 is there already.
fn is_refused(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).is_ok() && answer.ends_with(b"503")
}

/// Sends a whole request, and asserts that it is answered in HTTP; the status.
fn is_answered(target: &Target<'_>, what: &str, request: &[u8]) -> String {
    let mut stream = target.daemon.connect();
    // One that is refused by its head may be closed before all of it is written.
    let _ = stream.write_all(request);
    let status = status(&mut stream);
    assert!(status.parse::<u16>().is_ok_and(|status| status >= 200), "{what}: {status:?}");
    status
}

/// The same request, cut off: once with the connection closed after it, once half-closed.
fn cut_short(target: &Target<'_>, request: &[u8]) {
    for cut in [1, request.len() / 2, request.len() - 1] {
        let mut stream = target.daemon.connect();
        stream.write_all(&request[..cut]).unwrap();
        drop(stream);
        let mut stream = target.daemon.connect();
        stream.write_all(&request[..cut]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // Whatever it is told, the connection ends: nothing more can come.
        let mut told = Vec::new();
        let ended = stream.read_to_end(&mut told);
        let timed_out = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!timed_out, "a half-closed connection stays: {:?}", String::from_utf8_lossy(&request[..cut]));
    }
}

/// Sends a large body until the other side has had enough; the status, unless the connection was reset before.
fn large(target: &Target<'_>, head: &str, before_piece: &[u8]) -> Option<String> {
    let mut stream = target.daemon.connect();
    stream.write_all(head.as_bytes()).unwrap();
    let after_piece: &[u8] = if before_piece.is_empty() { b"" } else { b"\r\n" };
    let piece = vec![0; PIECE];
    let mut left = LARGE;
    while left > 0 {
        let part = left.min(PIECE);
        let whole = if before_piece.is_empty() { &piece[..part] } else { &piece };
        let sent = [before_piece, whole, after_piece].iter().try_for_each(|bytes| stream.write_all(bytes));
        if sent.is_err() {
            break;
        }
        left -= part;
    }
    Some(status(&mut stream)).filter(|status| !status.is_empty())
}

/// The status of the answer; empty, if there is none.
fn status(stream: &mut TcpStream) -> String {
    let mut line = [0; 12];
    match stream.read_exact(&mut line) {
        Ok(()) => String::from_utf8_lossy(&line).strip_prefix("HTTP/1.1 ").unwrap_or("not HTTP").to_owned(),
        Err(_) => String::new(),
    }
}

fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// The same bytes each time.
fn garbage(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length.div_ceil(8)).flat_map(|_| next()).take(length).collect()
}
