// SPDX-License-Identifier: Apache-2.0

//! What clients send that a strict server might refuse, and what must be refused.

use std::io::{Read, Write};
use std::time::Duration;

use kaon_daemon::http::Limits;

use crate::support::{LARGE, Server, read_until};

#[test]
fn odd_but_good_requests_are_answered() {
    let server = Server::start(Limits::default());
    for (request, body) in [
        ("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /version 0"),
        (
            "GET /slave(1)/state?a=b HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
            "GET /slave(1)/state?a=b 0",
        ),
        ("GET //state HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n", "GET //state 0"),
        ("GET /%zz HTTP/1.1\r\nConnection: close\r\n\r\n", "GET /%zz 0"),
        ("GET /version HTTP/1.0\r\n\r\n", "GET /version 0"),
        ("POST /a HTTP/1.1\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", "POST /a 3"),
        (
            "POST /a HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
             1;ext=1\r\na\r\n2\r\nbc\r\n0\r\nTrailer: x\r\n\r\n",
            "POST /a 3",
        ),
        ("OPTIONS /version HTTP/1.1\r\nConnection: close\r\n\r\n", "OPTIONS /version 0"),
        ("GET http://elsewhere:1/version?a=b HTTP/1.1\r\nConnection: close\r\n\r\n", "GET /version?a=b 0"),
        ("GET http://elsewhere HTTP/1.1\r\nConnection: close\r\n\r\n", "GET / 0"),
        ("GET /a?x=%ff HTTP/1.1\r\nConnection: close\r\n\r\n", "GET /a?x=%ff 0"),
    ] {
        let answer = server.exchange(request);
        assert!(
            answer.starts_with("HTTP/1.") && answer[8..].starts_with(" 200 OK\r\nDate: "),
            "{request} {answer}"
        );
        assert!(
            answer.ends_with(&format!("Content-Length: {}\r\n\r\n{body}", body.len()))
                || answer.contains("close")
        );
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{request} {answer}");
    }
}

#[test]
fn the_client_is_told_to_continue() {
    let server = Server::start(Limits::default());
    let mut stream = server.connect();
    stream.write_all(b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 100 Continue"));
    stream.write_all(b"ok").unwrap();
    assert!(read_until(&mut stream, "POST /a 2").starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(Limits::default());
    let answer = server.exchange(
        "GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyGET /3 HTTP/1.1\r\nConnection: close\r\n\r\n",
    );
    let at = |text: &str| answer.find(text).unwrap_or_else(|| panic!("{text} in {answer}"));
    assert!(at("GET /1 0") < at("POST /2 2") && at("POST /2 2") < at("GET /3 0"));
}

#[test]
fn bad_requests_are_refused_and_harm_no_other() {
    let server = Server::start(Limits { body: 1000, ..Limits::default() });
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(80 << 10));
    let many: String = (0..200).map(|i| format!("H{i}: x\r\n")).collect();
    for (request, status) in [
        ("nonsense\r\n\r\n", "400"),
        ("GET /a?x=%zz HTTP/1.1\r\n\r\n", "400"),
        ("CONNECT elsewhere:1 HTTP/1.1\r\n\r\n", "400"),
        ("OPTIONS * HTTP/1.1\r\n\r\n", "400"),
        ("POST /a HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", "413"),
        ("POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"),
        ("POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"),
        ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
        (&long, "4"),
        (&format!("GET / HTTP/1.1\r\n{many}\r\n"), "431"),
    ] {
        let mut stream = server.connect();
        // The server may close before it has read all of this.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap_or_else(|error| panic!("{error} for {request:.60}"));
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer} for {request:.60}");
    }
    let chunks = format!("{:x}\r\n{}\r\n", 900, "a".repeat(900)).repeat(2);
    let answer =
        server.exchange(format!("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large"), "{answer}");
    assert!(server.exchange("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"));
}

#[test]
fn an_answer_that_nobody_takes_ends_its_connection() {
    let server = Server::start(Limits { answer_patience: Duration::from_millis(300), ..Limits::default() });
    let ask = || {
        let mut stream = server.connect();
        stream.write_all(b"GET /large HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        stream
    };
    let (mut slow, mut good) = (ask(), ask());
    let mut taken = 0;
    let mut piece = vec![0; 1 << 20];
    // Slower than the patience as a whole, but on and on.
    loop {
        match good.read(&mut piece).unwrap() {
            0 => break,
            count => taken += count,
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(taken > LARGE, "{taken}");
    std::thread::sleep(Duration::from_secs(1));
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(rest.len() < LARGE, "{}", rest.len());
}

#[test]
fn a_client_that_leaves_its_stream_is_noticed_whatever_it_sent_before() {
    let server = Server::start(Limits::default());
    for more in ["\r\n", "GET /1 HTTP/1.1\r\n\r\n"] {
        let mut stream = server.connect();
        stream.write_all(format!("GET /stream HTTP/1.1\r\n\r\n{more}").as_bytes()).unwrap();
        read_until(&mut stream, "\r\n\r\n");
        let writer = server.service.writers.lock().unwrap().pop().unwrap();
        drop(stream);
        let gone = writer.gone();
        let noticed = async { tokio::time::timeout(Duration::from_secs(10), gone.wait()).await };
        assert!(server.runtime.block_on(noticed).is_ok(), "not noticed after {more:?}");
    }
    // Who only says that no more requests will come is answered those that came.
    let mut stream = server.connect();
    stream.write_all(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    read_until(&mut stream, "GET /2 0");
}

#[test]
fn compressed_bodies_are_read() {
    let server = Server::start(Limits { body: 100_000, ..Limits::default() });
    let post = |body: &[u8]| {
        let head = format!(
            "POST /a HTTP/1.1\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        server.exchange([head.as_bytes(), body].concat())
    };
    let gzip = |plain: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let good = gzip(&[b'x'; 100_000]);
    assert!(post(&good).ends_with("\r\n\r\nPOST /a 100000"));
    assert!(post(&gzip(b"")).ends_with("\r\n\r\nPOST /a 0"));
    assert!(post(&gzip(&[b'x'; 100_001])).starts_with("HTTP/1.1 413 "));
    for bad in [&good[..good.len() - 1], &[&good[..], b"x"].concat(), b"plain", b""] {
        let answer = post(bad);
        assert!(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nFailed to decompress body"), "{answer}");
    }
    let server = Server::start(Limits { bodies: 10_000, ..Limits::default() });
    let body = gzip(&[b'x'; 100_000]);
    let head =
        format!("POST /a HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer = server.exchange([head.as_bytes(), &body].concat());
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[test]
fn usual_bodies_are_read_though_there_is_no_room_for_large_ones() {
    let server = Server::start(Limits { bodies: 0, ..Limits::default() });
    for (length, status) in [(60 << 10, "200"), (70 << 10, "503")] {
        let head = format!("POST /a HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        let answer = server.exchange(head + &"x".repeat(length));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{length}: {answer}");
    }
}

#[test]
fn a_body_that_dribbles_is_given_up() {
    let limits = Limits { body_patience: Duration::from_millis(200), ..Limits::default() };
    let server = Server::start(limits);
    let answer = server.exchange("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout"), "{answer}");
}

#[test]
fn a_first_head_that_dribbles_is_given_up_but_silence_is_not() {
    let server = Server::start(Limits { head_patience: Duration::from_millis(200), ..Limits::default() });
    let mut silent = server.connect();
    assert_eq!(server.exchange("GET /a HT"), "");
    silent.write_all(b"GET /late HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    read_until(&mut silent, "GET /late 0");
}

#[test]
fn bodies_are_compressed_for_those_who_ask() {
    let server = Server::start(Limits::default());
    let mut stream = server.connect();
    stream.write_all(b"GET /json HTTP/1.1\r\nAccept-Encoding: gzip, deflate\r\n\r\n").unwrap();
    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(
        head.contains("\r\nContent-Encoding: gzip\r\n")
            && head.contains("Content-Type: application/json\r\n")
    );
    let length =
        head.split("Content-Length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, format!("{{\"k\":\"{}\"}}", "v".repeat(2000)));
    let answer =
        server.exchange("GET /json HTTP/1.1\r\nAccept-Encoding: gzip;q=0\r\nConnection: close\r\n\r\n");
    assert!(!answer.contains("Content-Encoding"));
}

#[test]
fn json_is_wrapped_for_pages_of_other_sites() {
    let server = Server::start(Limits::default());
    let answer = server.exchange("GET /json?jsonp=cb._0 HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(answer.contains("Content-Type: text/javascript\r\n") && answer.contains("\r\n\r\ncb._0({\"k\":"));
    assert!(answer.ends_with("\"})"));
    let answer = server.exchange("GET /json?jsonp=alert(1)// HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400"));
}

#[test]
fn a_thousand_idle_connections_are_no_burden_and_one_too_many_is_closed() {
    let server = Server::start(Limits { connections: 1000, ..Limits::default() });
    let mut idle: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    // The first byte of each answer shows that the connection was accepted, and is served.
    for stream in &mut idle {
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        read_until(stream, "GET / 0");
    }
    let mut refused = server.connect();
    let mut answer = Vec::new();
    assert!(matches!(refused.read_to_end(&mut answer), Ok(0) | Err(_)));
    drop(idle.pop());
    crate::support::eventually("a place is free again", || {
        let mut stream = server.connect();
        stream.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        stream.read_to_end(&mut answer).is_ok_and(|count| count > 0)
    });
}
