// SPDX-License-Identifier: Apache-2.0

//! Status updates on their way from the agent to the framework.

mod disowned;
mod status;
mod streams;

pub(crate) use disowned::Disowned;
pub(crate) use status::{Source, new_update};
pub(crate) use streams::{Admission, RETRY_MAX, RETRY_MIN, StreamKey, Streams, update_uuid};
