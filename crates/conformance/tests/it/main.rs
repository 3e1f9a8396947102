// SPDX-License-Identifier: Apache-2.0

//! The suite against a cluster of our own.

mod local;
