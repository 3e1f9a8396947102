// SPDX-License-Identifier: Apache-2.0

//! Judges the generated types by the contract, by an independent library, by recordings of Mesos.

mod capture;
mod families;
mod golden;
mod hostile;
mod random;
mod roundtrip;
mod schema;
