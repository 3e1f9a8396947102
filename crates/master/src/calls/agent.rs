// SPDX-License-Identifier: Apache-2.0

//! Messages of agents.

mod executor_message;
mod exited_executor;
mod operation_status;
mod pong;
mod register;
mod reregister;
mod status_update;
mod unregister;
mod update;
