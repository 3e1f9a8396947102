// SPDX-License-Identifier: Apache-2.0

//! Daemons as processes of their own, and raw HTTP to speak with them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A process that ends with this.
pub struct Daemon {
    pub child: Child,
    pub address: String,
}

pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/daemons")
}

fn command(which: &str, flags: &[String]) -> Command {
    let mut command = Command::new(binary());
    command.arg(which).args(flags).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

impl Daemon {
    /// Starts one, and waits until it says that it is ready.
    pub fn start(which: &str, flags: &[String]) -> Daemon {
        Daemon::start_with(which, flags, Stdio::null())
    }

    /// The same, with its standard error written somewhere.
    pub fn start_with(which: &str, flags: &[String], stderr: Stdio) -> Daemon {
        let mut child = command(which, flags).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("kaon: ready at http://").unwrap_or_else(|| panic!("it said '{line}'"));
        Daemon { address: address.to_string(), child }
    }

    /// What one that cannot start says, and how it ends.
    pub fn fails(which: &str, flags: &[String]) -> (ExitStatus, String) {
        let output = command(which, flags).stdin(Stdio::null()).output().unwrap();
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// The status line, the headers and the body of an answer.
    pub fn ask(&self, request: &str) -> (String, String, String) {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) =
            answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {request:.100}"));
        let (status, headers) = head.split_once("\r\n").unwrap();
        (status.to_string(), format!("{headers}\r\n"), body.to_string())
    }

    pub fn get(&self, path: &str) -> (String, String, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }

    pub fn post(&self, path: &str, headers: &str, body: &str) -> (String, String, String) {
        let length = body.len();
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }

    /// A call in JSON.
    pub fn call(&self, path: &str, headers: &str, body: &str) -> (String, String) {
        let (status, _, body) =
            self.post(path, &format!("Content-Type: application/json\r\n{headers}"), body);
        (status, body)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An open stream of events, read as a client would that knows chunks and records.
pub struct Events {
    reader: BufReader<TcpStream>,
    pub id: String,
}

impl Events {
    pub fn subscribe(daemon: &Daemon, path: &str, body: &str) -> Events {
        let mut stream = daemon.connect();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut id = String::new();
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert_eq!(line, "HTTP/1.1 200 OK\r\n");
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("Mesos-Stream-Id: ") {
                id = value.trim().to_string();
            }
        }
        Events { reader, id }
    }

    /// The next record; none when the stream has ended as it should.
    pub fn next(&mut self) -> Option<String> {
        let mut size = String::new();
        self.reader.read_line(&mut size).unwrap();
        let size =
            usize::from_str_radix(size.trim(), 16).unwrap_or_else(|_| panic!("no size of a chunk: {size:?}"));
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).unwrap();
        let chunk = String::from_utf8(chunk).unwrap();
        if size == 0 {
            return None;
        }
        let (length, record) = chunk.trim_end().split_once('\n').unwrap();
        assert_eq!(length.parse(), Ok(record.len()), "one record in each chunk");
        Some(record.to_string())
    }

    /// The next event of this type.
    pub fn wait_for(&mut self, kind: &str) -> String {
        loop {
            let event = self.next().unwrap_or_else(|| panic!("the stream ended before {kind}"));
            if event.starts_with(&format!("{{\"type\":\"{kind}\"")) {
                return event;
            }
        }
    }
}

/// The text of a member of JSON, wherever it comes first.
pub fn member<'a>(json: &'a str, name: &str) -> &'a str {
    let from =
        json.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {json}")) + name.len() + 3;
    let rest = json[from..].trim_start_matches("{\"value\":");
    let rest = rest.strip_prefix('"').unwrap_or(rest);
    &rest[..rest.find(['"', ',', '}']).unwrap()]
}
