// SPDX-License-Identifier: Apache-2.0

//! The account that a container runs as.

use super::{Isolator, IsolatorError};
use crate::config::ContainerConfig;
use crate::plan::Plan;
use crate::user::Credentials;

/// Looks the account up, so that the plan holds numbers and the supervisor asks nobody.
pub(super) struct SwitchUser;

impl Isolator for SwitchUser {
    fn name(&self) -> &'static str {
        "user"
    }

    fn contribute(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), IsolatorError> {
        plan.credentials = config.user.as_deref().map(Credentials::of).transpose()?;
        Ok(())
    }
}
