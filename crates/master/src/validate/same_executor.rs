// SPDX-License-Identifier: Apache-2.0

//! Whether two descriptions are of one executor.

use std::collections::BTreeSet;

use kaon_api::v1::container_info::DockerInfo;
use kaon_api::v1::{CommandInfo, ContainerInfo, DiscoveryInfo, ExecutorInfo};
use kaon_model::Resources;

/// Mesos: what executors were described with in its first years counts, whatever its order. What came later does not:
/// labels, the grace period, what a container has beside volumes and Docker; nor does it matter whether a file may come
/// from the cache.
pub(crate) fn same_executor(a: &ExecutorInfo, b: &ExecutorInfo) -> bool {
    a.r#type == b.r#type
        && a.executor_id.value == b.executor_id.value
        && a.framework_id == b.framework_id
        && a.name.or_empty() == b.name.or_empty()
        && a.source.or_empty() == b.source.or_empty()
        && a.data.as_deref().unwrap_or_default() == b.data.as_deref().unwrap_or_default()
        && Resources::from_wire(&a.resources) == Resources::from_wire(&b.resources)
        && both(a.command.as_deref(), b.command.as_deref(), same_command)
        && both(a.container.as_deref(), b.container.as_deref(), same_container)
        && both(a.discovery.as_deref(), b.discovery.as_deref(), same_discovery)
}

fn same_command(a: &CommandInfo, b: &CommandInfo) -> bool {
    let variables = |own: &CommandInfo| own.environment.clone().unwrap_or_default().variables;
    a.shell() == b.shell()
        && a.value.or_empty() == b.value.or_empty()
        && a.user.or_empty() == b.user.or_empty()
        && a.arguments == b.arguments
        && in_any_order(&a.uris, &b.uris, |uri| {
            (&uri.value, uri.executable.unwrap_or_default(), uri.extract(), uri.output_file.or_empty())
        })
        && in_any_order(&variables(a), &variables(b), |one| (&one.name, one.value.or_empty()))
}

fn same_container(a: &ContainerInfo, b: &ContainerInfo) -> bool {
    a.r#type == b.r#type
        && a.hostname.or_empty() == b.hostname.or_empty()
        && both(a.docker.as_deref(), b.docker.as_deref(), same_docker)
        && in_any_order(&a.volumes, &b.volumes, |one| {
            (&one.container_path, one.host_path.or_empty(), one.mode)
        })
}

fn same_docker(a: &DockerInfo, b: &DockerInfo) -> bool {
    a.image == b.image
        && a.network() == b.network()
        && a.privileged() == b.privileged()
        && a.force_pull_image.unwrap_or_default() == b.force_pull_image.unwrap_or_default()
        && in_any_order(&a.parameters, &b.parameters, |one| (&one.key, &one.value))
        && in_any_order(&a.port_mappings, &b.port_mappings, |one| {
            (one.host_port, one.container_port, one.protocol.or_empty())
        })
}

fn same_discovery(a: &DiscoveryInfo, b: &DiscoveryInfo) -> bool {
    let ports = |own: &DiscoveryInfo| own.ports.clone().unwrap_or_default().ports;
    let labels = |own: &DiscoveryInfo| own.labels.clone().unwrap_or_default().labels;
    a.visibility == b.visibility
        && a.name.or_empty() == b.name.or_empty()
        && a.environment.or_empty() == b.environment.or_empty()
        && a.location.or_empty() == b.location.or_empty()
        && a.version.or_empty() == b.version.or_empty()
        && in_any_order(&ports(a), &ports(b), |one| {
            let visibility = one.visibility.unwrap_or_default();
            (one.number, one.name.or_empty(), one.protocol.or_empty(), visibility)
        })
        && in_any_order(&labels(a), &labels(b), |one| (&one.key, one.value.or_empty()))
}

/// Mesos: as many, and each of the one list is in the other.
fn in_any_order<'a, T, K: Ord>(a: &'a [T], b: &'a [T], key: impl Fn(&'a T) -> K) -> bool {
    let known: BTreeSet<K> = b.iter().map(&key).collect();
    a.len() == b.len() && a.iter().all(|one| known.contains(&key(one)))
}

/// What is not there is as what says nothing.
fn both<T: Default>(a: Option<&T>, b: Option<&T>, same: impl Fn(&T, &T) -> bool) -> bool {
    let nothing = T::default();
    same(a.unwrap_or(&nothing), b.unwrap_or(&nothing))
}

trait OrEmpty {
    fn or_empty(&self) -> &str;
}

impl OrEmpty for Option<String> {
    fn or_empty(&self) -> &str {
        self.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kaon_api::json::{Dialect, from_json, parse};

    fn executor(more: &str) -> ExecutorInfo {
        let text = format!(r#"{{"executor_id":{{"value":"e"}}{more}}}"#);
        from_json(&parse(text.as_bytes()).unwrap(), Dialect::V1)
            .unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn what_says_the_same_is_the_same() {
        for (a, b) in [
            ("", r#","name":"","source":"","data":"","command":{},"discovery":{"visibility":"FRAMEWORK"}"#),
            ("", r#","labels":{"labels":[{"key":"k"}]},"shutdown_grace_period":{"nanoseconds":5}"#),
            (
                r#","command":{"environment":{"variables":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}}"#,
                r#","command":{"environment":{"variables":[{"name":"B","value":"2"},{"name":"A","value":"1"}]},"shell":true}"#,
            ),
            (
                r#","command":{"uris":[{"value":"a"},{"value":"b","cache":true}]}"#,
                r#","command":{"uris":[{"value":"b"},{"value":"a","extract":true,"executable":false}]}"#,
            ),
            (
                r#","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}},{"name":"mem","type":"SCALAR","scalar":{"value":2}}]"#,
                r#","resources":[{"name":"mem","type":"SCALAR","scalar":{"value":2}},{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"*"}]"#,
            ),
            (
                r#","container":{"type":"MESOS","volumes":[{"mode":"RO","container_path":"a"},{"mode":"RW","container_path":"b"}]}"#,
                r#","container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"b"},{"mode":"RO","container_path":"a"}],"network_infos":[{}]}"#,
            ),
            (
                r#","container":{"type":"DOCKER","docker":{"image":"i","parameters":[{"key":"a","value":"1"},{"key":"b","value":"2"}]}}"#,
                r#","container":{"type":"DOCKER","docker":{"image":"i","network":"HOST","parameters":[{"key":"b","value":"2"},{"key":"a","value":"1"}]}}"#,
            ),
            (
                r#","discovery":{"visibility":"CLUSTER","ports":{"ports":[{"number":1},{"number":2}]},"labels":{"labels":[{"key":"a"},{"key":"b"}]}}"#,
                r#","discovery":{"visibility":"CLUSTER","ports":{"ports":[{"number":2},{"number":1}]},"labels":{"labels":[{"key":"b"},{"key":"a"}]}}"#,
            ),
        ] {
            assert!(same_executor(&executor(a), &executor(b)), "{a}\n{b}");
            assert!(same_executor(&executor(b), &executor(a)), "{b}\n{a}");
        }
    }

    #[test]
    fn what_says_something_else_is_not() {
        for (a, b) in [
            ("", r#","type":"CUSTOM""#),
            ("", r#","framework_id":{"value":"f"}"#),
            ("", r#","name":"n""#),
            ("", r#","source":"s""#),
            ("", r#","data":"aGk=""#),
            ("", r#","command":{"shell":false}"#),
            ("", r#","resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]"#),
            (r#","command":{"arguments":["a","b"]}"#, r#","command":{"arguments":["b","a"]}"#),
            (
                r#","command":{"uris":[{"value":"a"}]}"#,
                r#","command":{"uris":[{"value":"a"},{"value":"a"}]}"#,
            ),
            (
                r#","command":{"uris":[{"value":"a"}]}"#,
                r#","command":{"uris":[{"value":"a","executable":true}]}"#,
            ),
            (
                r#","container":{"type":"MESOS","volumes":[{"mode":"RO","container_path":"a"}]}"#,
                r#","container":{"type":"MESOS","volumes":[{"mode":"RW","container_path":"a"}]}"#,
            ),
            (
                r#","container":{"type":"DOCKER","docker":{"image":"i"}}"#,
                r#","container":{"type":"DOCKER","docker":{"image":"j"}}"#,
            ),
            (
                r#","discovery":{"visibility":"CLUSTER","labels":{"labels":[{"key":"a"}]}}"#,
                r#","discovery":{"visibility":"CLUSTER","labels":{"labels":[{"key":"a","value":"v"}]}}"#,
            ),
        ] {
            assert!(!same_executor(&executor(a), &executor(b)), "{a}\n{b}");
            assert!(!same_executor(&executor(b), &executor(a)), "{b}\n{a}");
        }
    }
}
