// SPDX-License-Identifier: Apache-2.0

//! Answers to questions about an agent, from a view of it.
