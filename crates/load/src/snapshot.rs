// SPDX-License-Identifier: Apache-2.0

//! What a master says of itself in figures.

use std::net::SocketAddrV4;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The answer of `/metrics/snapshot`.
pub struct Snapshot(String);

impl Snapshot {
    pub async fn of(master: SocketAddrV4) -> Result<Snapshot> {
        let mut stream = TcpStream::connect(master).await.context("the master cannot be reached")?;
        let request = "GET /metrics/snapshot HTTP/1.1\r\nHost: master\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(Snapshot(answer))
    }

    /// The figure of this name, if the master has it.
    pub fn figure(&self, name: &str) -> Option<f64> {
        let (_, rest) = self.0.split_once(&format!("\"{name}\":"))?;
        rest.split([',', '}']).next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_their_whole_names() {
        let snapshot = Snapshot("HTTP/1.1 200 OK\r\n\r\n{\"a/elected\":1.0,\"elected\":0.0}".into());
        assert_eq!(snapshot.figure("a/elected"), Some(1.0));
        assert_eq!(snapshot.figure("elected"), Some(0.0));
        assert_eq!(snapshot.figure("lected"), None);
    }
}
