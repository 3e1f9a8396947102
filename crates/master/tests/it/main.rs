// SPDX-License-Identifier: Apache-2.0

//! The master as its peers see it: scenes, tables of texts, and floods of nonsense.

mod counters;
mod eligibility;
mod endings;
mod nonsense;
mod offers;
mod operations;
mod quota;
mod reconciliation;
mod scene;
mod scenes;
mod service;
mod tables;
mod transitions;
