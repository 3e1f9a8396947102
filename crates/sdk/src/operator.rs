// SPDX-License-Identifier: Apache-2.0

//! Looks at a cluster from outside.
//!
//! [`Operator`] speaks with whichever master leads, [`Agent`] with one agent; both by the v1 operator API, and by the
//! un-versioned endpoints that dashboards read.
//!
//! ```no_run
//! # async fn example() -> Result<(), kaon_sdk::Error> {
//! let operator = kaon_sdk::Operator::new("127.0.0.1:5050".parse()?);
//! let state = operator.get_json("/state").await?;
//! println!("{} agents", state["slaves"].as_array().map_or(0, Vec::len));
//! # Ok(())
//! # }
//! ```

mod maintenance;
mod service;

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Response};
use kaon_api::v1::{agent, master};
use kaon_api::wire::Message;
use kaon_model::Credential;

use crate::finder::Finder;
use crate::http::{self, Ask, Client};
use crate::records::Records;
use crate::{Address, Encoding, Error, Masters};

const PATH: &str = "/api/v1";
/// Bound: an answer; the state of a cluster of 100,000 tasks fits.
const ANSWER_MAX: usize = 1024 * 1024 * 1024;
/// Bound: redirects followed for one request.
const REDIRECTS_MAX: usize = 4;

/// A client of the leading master.
#[derive(Debug)]
pub struct Operator {
    finder: Finder,
    encoding: Encoding,
    /// The header that tells masters who asks, where they want to know.
    authorization: Option<String>,
    client: Arc<Client>,
    leader: Mutex<Option<Address>>,
}

impl Operator {
    pub fn new(masters: Masters) -> Operator {
        Operator {
            finder: Finder::new(masters),
            encoding: Encoding::default(),
            authorization: None,
            client: Arc::default(),
            leader: Mutex::default(),
        }
    }

    /// Speaks another form than protobuf.
    pub fn with_encoding(self, encoding: Encoding) -> Operator {
        Operator { encoding, ..self }
    }

    /// Proves to masters, and to them alone, who asks. The secret is sent as it is: what lies between must be trusted.
    pub fn with_credential(self, credential: &Credential) -> Operator {
        let mut proof = credential.principal.clone().into_bytes();
        proof.push(b':');
        proof.extend_from_slice(credential.secret.expose());
        Operator { authorization: Some(format!("Basic {}", STANDARD.encode(proof))), ..self }
    }

    /// A client of one of the agents, which shares connections with this one.
    pub fn agent(&self, address: Address) -> Agent {
        Agent { address, encoding: self.encoding, client: Arc::clone(&self.client) }
    }

    /// Makes a call of the v1 operator API; none is the answer of calls that have no content to answer.
    pub async fn call(&self, call: &master::Call) -> Result<Option<master::Response>, Error> {
        let ask = post(self.encoding, call);
        let (address, response) = self.send(&ask).await?;
        answer(&address, self.encoding, response).await
    }

    /// Follows what happens in the cluster.
    pub async fn subscribe(&self) -> Result<MasterEvents, Error> {
        let call = master::Call { r#type: Some(master::call::Type::Subscribe), ..Default::default() };
        let (address, response) = self.send(&post(self.encoding, &call)).await?;
        Ok(MasterEvents { records: Records::new(address, self.encoding, response.into_body()) })
    }

    /// Fetches an un-versioned endpoint, such as `/state`.
    pub async fn get_json(&self, path: &str) -> Result<serde_json::Value, Error> {
        let ask =
            Ask { method: Method::GET, path, media_type: None, authorization: None, body: Bytes::new() };
        let (address, response) = self.send(&ask).await?;
        json(&address, response).await
    }

    /// Fetches an un-versioned endpoint as it is.
    async fn get(&self, path: &str) -> Result<(Address, Bytes), Error> {
        let ask =
            Ask { method: Method::GET, path, media_type: None, authorization: None, body: Bytes::new() };
        let (address, response) = self.send(&ask).await?;
        let body = http::read_body(&address, response.into_body(), ANSWER_MAX).await?;
        Ok((address, body))
    }

    /// Sends JSON to an un-versioned endpoint that answers with nothing.
    async fn post_json(&self, path: &str, json: String) -> Result<(), Error> {
        let media_type = Some(Encoding::Json.media_type());
        let body = Bytes::from(json);
        self.send(&Ask { method: Method::POST, path, media_type, authorization: None, body }).await.map(drop)
    }

    /// Who answered last.
    pub fn leader(&self) -> Option<Address> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the last leader, then each of the masters, and returns the first answer that is a success.
    async fn send(&self, ask: &Ask<'_>) -> Result<(Address, Response<Incoming>), Error> {
        let mut failure = None;
        let last = self.leader();
        if let Some(address) = last.clone() {
            match self.ask(address, ask).await {
                // Another master may know better.
                Err(error) if error.is_passing() => failure = Some(error),
                answered => return answered,
            }
        }
        for address in self.finder.candidates().await? {
            if Some(&address) == last.as_ref() {
                continue;
            }
            match self.ask(address, ask).await {
                Err(error) if error.is_passing() => failure = failure.or(Some(error)),
                answered => return answered,
            }
        }
        Err(failure.expect("there is at least one master, so there was a failure"))
    }

    /// Remembers who answers with a success.
    async fn ask(&self, address: Address, ask: &Ask<'_>) -> Result<(Address, Response<Incoming>), Error> {
        let answered = self.send_to(address, ask).await;
        if let Ok((leader, _)) = &answered {
            *self.leader.lock().unwrap_or_else(PoisonError::into_inner) = Some(leader.clone());
        }
        answered
    }

    async fn send_to(&self, address: Address, ask: &Ask<'_>) -> Result<(Address, Response<Incoming>), Error> {
        let ask = &Ask { authorization: self.authorization.as_deref(), ..ask.clone() };
        let mut address = address;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.client.send(&address, ask).await?;
            match http::redirect(&response) {
                Some(leader) => address = leader,
                None => {
                    return http::expect_success(&address, response)
                        .await
                        .map(|response| (address, response));
                }
            }
        }
        Err(Error::NoLeader { address })
    }
}

/// What happens in a cluster.
#[derive(Debug)]
pub struct MasterEvents {
    records: Records,
}

impl MasterEvents {
    /// The next event, or none when the master has ended the stream. May be cancelled without loss.
    pub async fn next(&mut self) -> Result<Option<master::Event>, Error> {
        self.records.next().await
    }
}

/// A client of one agent.
#[derive(Clone, Debug)]
pub struct Agent {
    address: Address,
    encoding: Encoding,
    client: Arc<Client>,
}

/// A piece of a file on an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePiece {
    pub data: String,
    pub offset: u64,
}

impl Agent {
    pub fn new(address: Address) -> Agent {
        Agent { address, encoding: Encoding::default(), client: Arc::default() }
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Makes a call of the v1 operator API; none is the answer of calls that have no content to answer.
    pub async fn call(&self, call: &agent::Call) -> Result<Option<agent::Response>, Error> {
        let response = self.client.send(&self.address, &post(self.encoding, call)).await?;
        let response = http::expect_success(&self.address, response).await?;
        answer(&self.address, self.encoding, response).await
    }

    /// Fetches an un-versioned endpoint, such as `/state`.
    pub async fn get_json(&self, path: &str) -> Result<serde_json::Value, Error> {
        let response =
            http::expect_success(&self.address, self.client.get(&self.address, path).await?).await?;
        json(&self.address, response).await
    }

    /// The whole of a file, as it is now, as the body of the answer.
    pub async fn download(&self, path: &str) -> Result<Response<Incoming>, Error> {
        let path = format!("/files/download?path={}", http::percent_encode(path));
        http::expect_success(&self.address, self.client.get(&self.address, &path).await?).await
    }

    /// How long a file is now.
    pub async fn file_size(&self, path: &str) -> Result<u64, Error> {
        let query = format!("/files/read?path={}&offset=-1", http::percent_encode(path));
        Ok(self.read(&query).await?.offset)
    }

    /// A piece of a file; the agent may return less than `length` bytes. Meant for text: bytes that are not UTF-8
    /// do not survive.
    pub async fn read_file(&self, path: &str, offset: u64, length: u64) -> Result<FilePiece, Error> {
        let path = http::percent_encode(path);
        self.read(&format!("/files/read?path={path}&offset={offset}&length={length}")).await
    }

    async fn read(&self, query: &str) -> Result<FilePiece, Error> {
        let json = self.get_json(query).await?;
        let piece = json["data"].as_str().zip(json["offset"].as_u64());
        let (data, offset) = piece.ok_or_else(|| unreadable(&self.address, "no 'data' with an 'offset'"))?;
        Ok(FilePiece { data: data.to_owned(), offset })
    }
}

fn post<M: Message>(encoding: Encoding, call: &M) -> Ask<'static> {
    Ask {
        method: Method::POST,
        path: PATH,
        media_type: Some(encoding.media_type()),
        authorization: None,
        body: Bytes::from(encoding.encode(call)),
    }
}

async fn answer<M: Message>(
    address: &Address,
    encoding: Encoding,
    response: Response<Incoming>,
) -> Result<Option<M>, Error> {
    let body = http::read_body(address, response.into_body(), ANSWER_MAX).await?;
    if body.is_empty() {
        return Ok(None);
    }
    encoding.decode(&body).map(Some).map_err(|reason| unreadable(address, reason))
}

async fn json(address: &Address, response: Response<Incoming>) -> Result<serde_json::Value, Error> {
    let body = http::read_body(address, response.into_body(), ANSWER_MAX).await?;
    // Mesos: what tasks write goes into JSON as it is, UTF-8 or not.
    let text = String::from_utf8_lossy(&body);
    serde_json::from_str(&text).or_else(|error| {
        // Mesos: an infinite limit of a task is written as a bare word, which JSON does not know.
        let finite = text.replace(":Infinity", ":null");
        serde_json::from_str(&finite).map_err(|_| unreadable(address, error.to_string()))
    })
}

fn unreadable(address: &Address, reason: impl Into<String>) -> Error {
    Error::Unreadable { address: address.clone(), reason: reason.into() }
}
