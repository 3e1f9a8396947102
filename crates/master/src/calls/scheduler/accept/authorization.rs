// SPDX-License-Identifier: Apache-2.0

//! Whether a framework may run tasks as the users that they name: the list 'run_tasks' of `--acls`.

use kaon_api::v1;

use crate::master::Master;
use crate::state::FrameworkRow;

impl Master {
    /// Why the task may not run.
    pub(super) fn unauthorized_task(&self, row: FrameworkRow, task: &v1::TaskInfo) -> Option<String> {
        let action = self.refused_action(row, task, None)?;
        let principal = self.state.framework(row).info.principal.as_deref().unwrap_or_default();
        Some(format!("Principal '{principal}' no authorized to {action}"))
    }

    /// Why none of the tasks may run. Mesos: tells of the last that may not, and leaves a blank out.
    pub(super) fn unauthorized_group(
        &self,
        row: FrameworkRow,
        group: &v1::TaskGroupInfo,
        executor: &v1::ExecutorInfo,
    ) -> Option<String> {
        group.tasks.iter().rev().find_map(|task| {
            let action = self.refused_action(row, task, Some(executor))?;
            Some(format!("Task '{}' is not authorized to{action}", task.task_id.value))
        })
    }

    fn refused_action(
        &self,
        row: FrameworkRow,
        task: &v1::TaskInfo,
        of_group: Option<&v1::ExecutorInfo>,
    ) -> Option<String> {
        let framework = self.state.framework(row);
        let user = self.config.run_tasks.refused_user(&framework.info, task, of_group)?;
        let (task, id) = (&task.task_id.value, &framework.id);
        Some(format!("launch task {task} of framework {id} under user '{user}'"))
    }
}
