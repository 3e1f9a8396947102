// SPDX-License-Identifier: Apache-2.0

//! The containers that an executor asks its agent for.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use kaon_api::v1;
use kaon_api::v1::agent::{Call, call, response};
use kaon_api::wire::Message;
use kaon_executor::check::Outcome;
use kaon_sdk::executor::Environment;
use tokio::net::TcpStream;
use tokio::time::sleep;

const PROTOBUF: &str = "application/x-protobuf";
const STREAM: &str = "application/recordio";
/// Bound: an answer of the agent's, of which each tells of one container.
const LARGEST_ANSWER: usize = 1 << 20;
/// Mesos: how long to wait before asking again.
const PAUSE: Duration = Duration::from_secs(1);

/// The agent's own API.
#[derive(Clone)]
pub struct Agent {
    host: String,
    port: u16,
    token: Option<String>,
}

/// How a container ended.
#[derive(Clone, Debug, Default)]
pub struct End {
    pub status: Option<i32>,
    /// What the agent knows better than the status tells.
    pub known: Option<response::WaitNestedContainer>,
}

impl Agent {
    pub fn new(environment: &Environment) -> Agent {
        let (host, port) = (environment.agent.host.clone(), environment.agent.port);
        Agent { host, port, token: environment.authentication_token.clone() }
    }

    /// Starts a container. The error is a text for the task's status.
    pub async fn launch(&self, launch: call::LaunchContainer) -> Result<(), String> {
        let call = Call {
            r#type: Some(call::Type::LaunchContainer),
            launch_container: Some(Box::new(launch)),
            ..Default::default()
        };
        match self.call(&call).await? {
            (StatusCode::OK, _) => Ok(()),
            (_, body) => Err(String::from_utf8_lossy(&body).into_owned()),
        }
    }

    /// Waits for a container's end, over restarts of the agent too.
    pub async fn wait(&self, id: v1::ContainerID) -> End {
        let wait = call::WaitNestedContainer { container_id: Box::new(id), ..Default::default() };
        let call = Call {
            r#type: Some(call::Type::WaitNestedContainer),
            wait_nested_container: Some(wait),
            ..Default::default()
        };
        loop {
            match self.call(&call).await {
                Ok((StatusCode::OK, body)) => {
                    let answer = v1::agent::Response::decode(&body).ok();
                    let known = answer.and_then(|answer| answer.wait_nested_container);
                    return End { status: known.as_ref().and_then(|known| known.exit_status), known };
                }
                // Mesos: it never ran, or ended unseen.
                Ok((StatusCode::NOT_FOUND, _)) => return End::default(),
                Ok((status, body)) => {
                    tracing::warn!("Waiting for a container: {status} ({})", String::from_utf8_lossy(&body));
                }
                Err(error) => tracing::warn!("Waiting for a container: {error}"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Sends a signal to a container, until the agent has taken it.
    pub async fn kill(&self, id: v1::ContainerID, signal: i32) {
        let kill = call::KillNestedContainer {
            container_id: Box::new(id),
            signal: Some(signal),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::KillNestedContainer),
            kill_nested_container: Some(kill),
            ..Default::default()
        };
        loop {
            match self.call(&call).await {
                Ok((StatusCode::OK | StatusCode::NOT_FOUND, _)) => return,
                Ok((status, body)) => {
                    let text = String::from_utf8_lossy(&body);
                    tracing::warn!("Sending signal {signal} to a container: {status} ({text})");
                }
                Err(error) => tracing::warn!("Sending signal {signal} to a container: {error}"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Runs a check's command in a container beneath the task's. When nobody waits for it any more, the agent ends it,
    /// since its connection does.
    pub async fn look(&self, id: v1::ContainerID, command: v1::CommandInfo) -> Outcome {
        let failed = |message: String| Outcome::Failed { message };
        let session = call::LaunchNestedContainerSession {
            container_id: Box::new(id.clone()),
            command: Some(Box::new(command)),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::LaunchNestedContainerSession),
            launch_nested_container_session: Some(session),
            ..Default::default()
        };
        let response = match self.send(&call, STREAM).await {
            Ok(response) if response.status() == StatusCode::OK => response,
            Ok(response) => return failed(format!("The agent answered {}", response.status())),
            Err(error) => return failed(error),
        };
        // What the command says is thrown away; it has ended when the stream does.
        let mut output = response.into_body();
        while let Some(frame) = output.frame().await {
            if let Err(error) = frame {
                return failed(format!("The connection to the agent broke: {error}"));
            }
        }
        let End { status, .. } = self.wait(id.clone()).await;
        self.remove(id).await;
        match status {
            Some(status) if status & 0x7f == 0 => Outcome::Command { exit_code: (status >> 8) & 0xff },
            Some(status) => failed(format!("Command {}", kaon_executor::describe(status))),
            None => failed("Unable to get the exit code".to_string()),
        }
    }

    async fn remove(&self, id: v1::ContainerID) {
        let remove = call::RemoveNestedContainer { container_id: Box::new(id), ..Default::default() };
        let call = Call {
            r#type: Some(call::Type::RemoveNestedContainer),
            remove_nested_container: Some(remove),
            ..Default::default()
        };
        if let Err(error) = self.call(&call).await {
            tracing::warn!("Removing the container of a check: {error}");
        }
    }

    async fn call(&self, call: &Call) -> Result<(StatusCode, Bytes), String> {
        let response = self.send(call, PROTOBUF).await?;
        let status = response.status();
        let body = http_body_util::Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
        Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
    }

    async fn send(&self, call: &Call, accept: &str) -> Result<Response<Incoming>, String> {
        let text = |error: hyper::Error| error.to_string();
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| format!("Cannot reach the agent: {error}"))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
        // Ends when the answer has been read, or is no longer wanted.
        tokio::spawn(connection);
        let mut request = Request::post("/api/v1")
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(ACCEPT, accept)
            .header(CONTENT_TYPE, PROTOBUF);
        // Mesos: refused where the answer is no stream.
        if accept == STREAM {
            request = request.header("Message-Accept", PROTOBUF);
        }
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(call.encode())));
        sender.send_request(request.map_err(|error| error.to_string())?).await.map_err(text)
    }
}
