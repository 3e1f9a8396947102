// SPDX-License-Identifier: Apache-2.0

//! The containers with what they use.

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;
use kaon_api::v1::agent::response::{GetContainers, get_containers};
use kaon_model::{ContainerId, Resources};

use super::members::{Members, json};
use super::resources::held_by;
use super::{BadQuery, Usage};
use crate::state::{Executor, Kind, Phase, View, container_id};

/// What the shell is to measure together: all containers of one executor.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    /// Under which the figures belong into the [`Usage`].
    pub executor: ContainerId,
    pub containers: Vec<ContainerId>,
    pub resources: Resources,
}

/// What there is to measure.
pub fn meters(view: &View) -> Vec<Meter> {
    let meter = |executor: &Executor| Meter {
        executor: executor.container.clone(),
        containers: match executor.kind {
            Kind::Default => executor.nested.values().cloned().collect(),
            Kind::Command | Kind::Custom => vec![executor.container.clone()],
        },
        resources: held_by(executor),
    };
    running(view).map(meter).collect()
}

fn running(view: &View) -> impl Iterator<Item = &Executor> {
    view.state.executors().filter(|executor| !matches!(executor.phase, Phase::Preparing | Phase::Terminated))
}

/// `/containers`. Mesos: asked for one executor, the framework must be named too; a container is named alone.
pub(super) fn endpoint(view: &View, query: &[(String, String)], usage: &Usage) -> Result<String, BadQuery> {
    let get = |name: &str| query.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    let (container, framework, executor) = (get("container_id"), get("framework_id"), get("executor_id"));
    let wanted = |one: &Executor| {
        container.is_none_or(|id| one.container == *id)
            && framework.is_none_or(|id| one.framework == *id)
            && executor.is_none_or(|id| one.id == *id)
    };
    match (container, framework, executor) {
        (None, _, None) | (None, Some(_), Some(_)) | (Some(_), None, None) => {}
        _ => {
            let text =
                "Expecting 'container_id' alone, or 'framework_id', or 'framework_id' with 'executor_id'";
            return Err(BadQuery { code: 400, text: text.to_string() });
        }
    }
    Ok(json(Dialect::V0, |w| {
        w.array(|w| {
            for executor in running(view).filter(|executor| wanted(executor)) {
                w.element();
                write(w, executor, usage);
            }
        });
    }))
}

/// `/containerizer/debug`: what has been asked for and is not done yet.
pub(super) fn pending(view: &View) -> String {
    let preparing = view.state.executors().filter(|executor| matches!(executor.phase, Phase::Preparing));
    json(Dialect::V0, |w| {
        w.object(|w| {
            w.list("pending", preparing, |w, executor| {
                w.object(|w| {
                    w.text("operation", "prepare");
                    w.members("args", |w| w.text("containerId", executor.container.as_str()));
                });
            });
        });
    })
}

fn write(w: &mut JsonWriter<'_>, executor: &Executor, usage: &Usage) {
    w.object(|w| {
        write_names(w, executor);
        w.text("container_id", executor.container.as_str());
        w.put("status", &status(executor));
        w.put_if("statistics", usage.get(&executor.container));
    });
}

fn write_names(w: &mut JsonWriter<'_>, executor: &Executor) {
    w.text("framework_id", executor.framework.as_str());
    w.text("executor_id", executor.id.as_str());
    w.text("executor_name", executor.info.name.as_deref().unwrap_or(""));
    w.text("source", executor.info.source.as_deref().unwrap_or(""));
}

/// `/monitor/statistics`: executors that nothing was measured of are left out.
pub(super) fn statistics(view: &View, usage: &Usage) -> String {
    json(Dialect::V0, |w| {
        w.array(|w| {
            for executor in running(view) {
                let Some(figures) = usage.get(&executor.container) else { continue };
                w.element();
                w.object(|w| {
                    write_names(w, executor);
                    w.put("statistics", figures);
                });
            }
        });
    })
}

/// Mesos: the host's network, which statuses of tasks name, is not told here.
fn status(executor: &Executor) -> v1::ContainerStatus {
    v1::ContainerStatus {
        container_id: Some(Box::new(container_id(&executor.container, None))),
        executor_pid: executor.pid,
        ..Default::default()
    }
}

/// The answer to GET_CONTAINERS; none where there is nothing to list, as with Mesos.
pub(super) fn get_containers(view: &View, usage: &Usage, nested: bool) -> Option<GetContainers> {
    let mut containers = Vec::new();
    for executor in running(view) {
        let one = |id: v1::ContainerID, status, figures: Option<&v1::ResourceStatistics>| {
            get_containers::Container {
                framework_id: Some(v1::FrameworkID::from(executor.framework.as_str())),
                executor_id: Some(v1::ExecutorID::from(executor.id.as_str())),
                executor_name: Some(executor.info.name.clone().unwrap_or_default()),
                container_id: Box::new(id),
                container_status: status,
                resource_statistics: figures.map(|figures| Box::new(figures.clone())),
                ..Default::default()
            }
        };
        let own = Some(Box::new(status(executor)));
        containers.push(one(container_id(&executor.container, None), own, usage.get(&executor.container)));
        if nested && executor.kind == Kind::Default {
            for child in executor.nested.values() {
                containers.push(one(container_id(child, Some(&executor.container)), None, None));
            }
        }
    }
    (!containers.is_empty()).then(|| GetContainers { containers, ..Default::default() })
}
