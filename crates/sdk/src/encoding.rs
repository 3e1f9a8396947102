// SPDX-License-Identifier: Apache-2.0

//! The two forms in which messages go over HTTP.

use kaon_api::json::{self, Dialect};
use kaon_api::wire::Message;

/// Which of them a client speaks; a server answers in the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// To be read by people; slower.
    Json,
    #[default]
    Protobuf,
}

impl Encoding {
    /// The media type, exactly as servers expect it.
    pub fn media_type(self) -> &'static str {
        match self {
            Encoding::Json => "application/json",
            Encoding::Protobuf => "application/x-protobuf",
        }
    }

    pub(crate) fn encode<M: Message>(self, message: &M) -> Vec<u8> {
        match self {
            Encoding::Json => json::to_json(message, Dialect::V1).into_bytes(),
            Encoding::Protobuf => message.encode(),
        }
    }

    /// The message, or why the bytes are none.
    pub(crate) fn decode<M: Message>(self, bytes: &[u8]) -> Result<M, String> {
        match self {
            Encoding::Json => {
                let json = json::parse(bytes).map_err(|error| error.to_string())?;
                json::from_json(&json, Dialect::V1).map_err(|error| error.to_string())
            }
            Encoding::Protobuf => M::decode(bytes).map_err(|error| error.to_string()),
        }
    }
}
