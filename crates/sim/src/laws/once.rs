// SPDX-License-Identifier: Apache-2.0

//! No task launched twice: a task gets at most one container, ever, on all hosts.

use std::collections::BTreeMap;

use crate::report::Broken;

#[derive(Debug, Default)]
pub struct Launches(BTreeMap<(String, String), String>);

impl Launches {
    pub fn launched(&mut self, framework: &str, task: &str, place: String) -> Result<(), Broken> {
        match self.0.insert((framework.to_owned(), task.to_owned()), place.clone()) {
            None => Ok(()),
            Some(before) => Err(Broken {
                law: "no task launched twice",
                what: format!("task {task} of {framework} was launched at {before} and at {place}"),
            }),
        }
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}
