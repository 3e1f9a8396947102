// SPDX-License-Identifier: Apache-2.0

//! The library against peers whose every byte the test decides.

mod executor;
mod operator;
mod peer;
mod scheduler;
