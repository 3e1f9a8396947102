// SPDX-License-Identifier: Apache-2.0

//! Frameworks that come with Kaon.
//!
//! They are built on the SDK alone and know nothing that any other framework could not know: what they need of a
//! master is in its public API.

pub mod run;
