// SPDX-License-Identifier: Apache-2.0

//! The frameworks against a cluster that does what the test says.

mod cluster;
mod run;
