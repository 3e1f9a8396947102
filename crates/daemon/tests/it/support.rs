// SPDX-License-Identifier: Apache-2.0

//! A port with a service behind it, as the tests need it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kaon_api::libprocess::Message;
use kaon_daemon::http::{Delivery, Limits, Request, Response, Service, serve, stream};

/// Says back what it was asked, and keeps the messages.
#[derive(Default)]
pub struct Echo {
    pub messages: Mutex<Vec<Message>>,
    pub writers: Mutex<Vec<stream::Writer<String>>>,
}

/// Bound: so much waits in a stream of [`Echo`].
pub const STREAM_MAX: stream::Bounds =
    stream::Bounds { records: 16, bytes: 32 << 20, patience: Duration::from_millis(300), shared: 256 << 20 };

/// More than the kernel takes for a client that does not read.
pub const LARGE: usize = 64 << 20;

impl Service for Echo {
    async fn message(&self, message: Message) -> Delivery {
        let known = message.to == "master";
        self.messages.lock().unwrap().push(message);
        if known { Delivery::Accepted } else { Delivery::NoActor }
    }

    async fn request(&self, request: Request) -> Response {
        match request.path() {
            "/json" => Response::json(&request, format!("{{\"k\":\"{}\"}}", "v".repeat(2000)).into_bytes()),
            "/large" => Response::new(hyper::StatusCode::OK, vec![b'x'; LARGE]),
            "/stream" => {
                let (writer, records) =
                    stream::open(STREAM_MAX, |record: &String| record.clone().into_bytes());
                self.writers.lock().unwrap().push(writer);
                let mut response = Response::ok();
                response.body = kaon_daemon::http::Body::Stream(records);
                response
            }
            _ => {
                let text = format!("{} {} {}", request.method, request.target, request.body.len());
                Response::new(hyper::StatusCode::OK, text)
            }
        }
    }
}

/// A port that is served as long as this lives.
pub struct Server {
    pub address: SocketAddr,
    pub service: Arc<Echo>,
    pub runtime: tokio::runtime::Runtime,
}

impl Server {
    pub fn start(limits: Limits) -> Server {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let service = Arc::new(Echo::default());
        runtime.spawn(serve(listener, service.clone(), limits));
        Server { address, service, runtime }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends bytes on a connection of its own, and reads until the server closes it.
    pub fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_ref()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Reads until the text ends so, and gives all of it.
pub fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(end.as_bytes()) {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "the connection ended after {read:?}");
        read.push(byte[0]);
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// Waits until something is so.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(std::time::Instant::now() < end, "not within 20 seconds: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder that is removed with this.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("kaon-daemon-test-{}-{count}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}
