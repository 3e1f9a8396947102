// SPDX-License-Identifier: Apache-2.0

//! Tests of the shell on real sockets of the loopback interface.

mod flags;
mod http;
mod links;
mod messages;
mod store;
mod stream;
mod support;
