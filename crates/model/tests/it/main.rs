// SPDX-License-Identifier: Apache-2.0

//! Laws of the model that span several of its modules.

mod algebra;
mod conversions;
mod flags;
mod forms;
mod some;
