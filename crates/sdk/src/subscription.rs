// SPDX-License-Identifier: Apache-2.0

//! Opens an event stream.

use bytes::Bytes;
use hyper::Method;
use kaon_api::wire::Message;

use crate::http::{self, Ask};
use crate::records::Records;
use crate::{Address, Encoding, Error};

/// Bound: the id that a master gives a stream is a UUID; anything much longer is refused.
const STREAM_ID_MAX: usize = 128;

/// What a peer answers to SUBSCRIBE.
#[derive(Debug)]
pub(crate) enum Answer {
    Stream {
        records: Records,
        /// To be sent with every further call, where the API has such an id.
        stream_id: Option<String>,
    },
    /// Another master leads.
    Redirect(Address),
}

/// Posts `call` to `path` and awaits the head of the answer.
pub(crate) async fn open<M: Message>(
    address: &Address,
    path: &str,
    encoding: Encoding,
    authorization: Option<&str>,
    call: &M,
) -> Result<Answer, Error> {
    let body = Bytes::from(encoding.encode(call));
    let media_type = Some(encoding.media_type());
    let ask = Ask { method: Method::POST, path, media_type, authorization, body };
    let response = http::send_alone(address, &ask).await?;
    if let Some(leader) = http::redirect(&response) {
        return Ok(Answer::Redirect(leader));
    }
    let response = http::expect_success(address, response).await?;
    let stream_id = response.headers().get("Mesos-Stream-Id").and_then(|id| id.to_str().ok());
    let stream_id = stream_id.filter(|id| id.len() <= STREAM_ID_MAX).map(str::to_owned);
    Ok(Answer::Stream { records: Records::new(address.clone(), encoding, response.into_body()), stream_id })
}
