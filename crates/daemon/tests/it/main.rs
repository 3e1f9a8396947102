// SPDX-License-Identifier: Apache-2.0

//! Tests of the shell on real sockets of the loopback interface.

mod access;
mod audit;
mod cluster;
mod daemon;
mod disk;
mod election;
mod executor;
mod files;
mod flags;
mod front;
mod groups;
mod hostile;
mod http;
mod links;
mod maintenance;
mod messages;
mod registry;
mod runtime;
mod store;
mod stream;
mod support;
mod volumes;
mod zookeeper;
