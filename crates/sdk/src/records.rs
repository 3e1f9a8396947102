// SPDX-License-Identifier: Apache-2.0

//! Reads the records of an answer that never ends.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use kaon_api::recordio::Decoder;
use kaon_api::wire::Message;

use crate::{Address, Encoding, Error};

/// Bound: one record; an event with the offers of 100,000 agents fits.
const RECORD_MAX: usize = 256 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Records {
    address: Address,
    encoding: Encoding,
    body: Incoming,
    decoder: Decoder,
}

impl Records {
    pub(crate) fn new(address: Address, encoding: Encoding, body: Incoming) -> Records {
        Records { address, encoding, body, decoder: Decoder::new(RECORD_MAX) }
    }

    /// The next message, or none when the peer has ended the stream. May be cancelled without loss.
    pub(crate) async fn next<M: Message>(&mut self) -> Result<Option<M>, Error> {
        loop {
            let record = self.decoder.next_record().map_err(|error| self.unreadable(error.to_string()))?;
            if let Some(record) = record {
                let message = self.encoding.decode(&record).map_err(|error| self.unreadable(error))?;
                return Ok(Some(message));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame = frame.map_err(|error| self.broken(&error))?;
            if let Some(data) = frame.data_ref() {
                self.decoder.feed(data);
            }
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    fn unreadable(&self, reason: String) -> Error {
        Error::Unreadable { address: self.address.clone(), reason }
    }

    fn broken(&self, error: &hyper::Error) -> Error {
        Error::Broken { address: self.address.clone(), reason: error.to_string() }
    }
}
