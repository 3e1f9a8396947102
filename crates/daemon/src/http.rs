// SPDX-License-Identifier: Apache-2.0

//! The HTTP of a daemon: one port that speaks to clients, operators, executors and libprocess peers.

mod body;
mod connection;
mod encode;
mod incoming;
mod messages;
pub mod negotiate;
mod pace;
mod request;
mod response;
pub mod route;
mod server;
mod sniff;
pub mod stream;

pub use messages::REPLIES;
pub use request::{Query, Request};
pub use response::{Body, Response};
pub use server::{Delivery, Limits, Service, serve};
