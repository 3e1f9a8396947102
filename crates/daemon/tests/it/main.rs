// SPDX-License-Identifier: Apache-2.0

//! Tests of the shell on real sockets of the loopback interface.

mod http;
mod links;
mod messages;
mod stream;
mod support;
