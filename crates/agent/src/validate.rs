// SPDX-License-Identifier: Apache-2.0

//! Whether calls of executors are well-formed, in Mesos's words.

use kaon_api::v1;
use kaon_api::v1::executor::{Call, call};
use kaon_model::Uuid;

/// The text of an error stands after `Failed to validate Executor::Call: `.
pub fn executor_call(call: &Call) -> Result<(), String> {
    let expecting = |member: &str| Err(format!("Expecting '{member}' to be present"));
    match call.r#type {
        None => expecting("type"),
        Some(call::Type::Subscribe) if call.subscribe.is_none() => expecting("subscribe"),
        Some(call::Type::Message) if call.message.is_none() => expecting("message"),
        Some(call::Type::Update) => match &call.update {
            None => expecting("update"),
            Some(update) => status(call, &update.status),
        },
        Some(_) => Ok(()),
    }
}

fn status(call: &Call, status: &v1::TaskStatus) -> Result<(), String> {
    let Some(uuid) = &status.uuid else { return Err("Expecting 'uuid' to be present".to_string()) };
    // Mesos: 16 bytes that say no known version are none either, and end an agent of its that finds them on disk.
    let known = Uuid::from_bytes(uuid).is_ok_and(|uuid| (1..=5).contains(&(uuid.as_bytes()[6] >> 4)));
    if !known {
        return Err("Not a valid UUID".to_string());
    }
    let (executor, framework) = (&call.executor_id.value, &call.framework_id.value);
    if let Some(other) = status.executor_id.as_ref().filter(|other| other.value != *executor) {
        return Err(format!(
            "ExecutorID in Call: {executor} does not match ExecutorID in TaskStatus: {}",
            other.value
        ));
    }
    if status.source != Some(v1::task_status::Source::SourceExecutor) {
        return Err(format!(
            "Received Call from executor {executor} of framework {framework} with invalid source, expecting 'SOURCE_EXECUTOR'"
        ));
    }
    if status.state == v1::TaskState::TaskStaging {
        return Err(format!(
            "Received TASK_STAGING from executor {executor} of framework {framework} which is not allowed"
        ));
    }
    check_status(status)
}

/// A check's result must be of the type that it says.
fn check_status(status: &v1::TaskStatus) -> Result<(), String> {
    let Some(check) = &status.check_status else { return Ok(()) };
    let (present, member) = match check.r#type {
        None => return Err("CheckStatusInfo must specify 'type'".to_string()),
        Some(v1::check_info::Type::Command) => (check.command.is_some(), "command"),
        Some(v1::check_info::Type::Http) => (check.http.is_some(), "http"),
        Some(v1::check_info::Type::Tcp) => (check.tcp.is_some(), "tcp"),
        Some(v1::check_info::Type::Unknown) => {
            return Err("'UNKNOWN' is not a valid check's status type".to_string());
        }
    };
    if present {
        Ok(())
    } else {
        Err(format!("Expecting '{member}' to be set for {} check's status", member.to_ascii_uppercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(change: impl FnOnce(&mut v1::TaskStatus)) -> Call {
        let mut status = v1::TaskStatus {
            task_id: v1::TaskID::from("t"),
            state: v1::TaskState::TaskRunning,
            uuid: Some(Uuid::from_random([7; 16]).to_vec()),
            source: Some(v1::task_status::Source::SourceExecutor),
            ..Default::default()
        };
        change(&mut status);
        Call {
            executor_id: v1::ExecutorID::from("e"),
            framework_id: v1::FrameworkID::from("f"),
            r#type: Some(call::Type::Update),
            update: Some(call::Update { status: Box::new(status), ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn refuses_updates_in_the_words_of_mesos() {
        assert_eq!(executor_call(&update(|_| {})), Ok(()));
        for (call, text) in [
            (update(|status| status.uuid = None), "Expecting 'uuid' to be present"),
            (
                update(|status| status.executor_id = Some(v1::ExecutorID::from("x"))),
                "ExecutorID in Call: e does not match ExecutorID in TaskStatus: x",
            ),
            (
                update(|status| status.source = None),
                "Received Call from executor e of framework f with invalid source, expecting 'SOURCE_EXECUTOR'",
            ),
            (
                update(|status| status.state = v1::TaskState::TaskStaging),
                "Received TASK_STAGING from executor e of framework f which is not allowed",
            ),
            (
                update(|status| status.check_status = Some(Default::default())),
                "CheckStatusInfo must specify 'type'",
            ),
            (
                update(|status| {
                    let check = status.check_status.get_or_insert_default();
                    check.r#type = Some(v1::check_info::Type::Http);
                }),
                "Expecting 'http' to be set for HTTP check's status",
            ),
            (
                update(|status| {
                    let check = status.check_status.get_or_insert_default();
                    check.r#type = Some(v1::check_info::Type::Unknown);
                }),
                "'UNKNOWN' is not a valid check's status type",
            ),
        ] {
            assert_eq!(executor_call(&call), Err(text.to_string()));
        }
        for uuid in [vec![], vec![1], vec![7; 16], vec![0x40; 17]] {
            assert_eq!(
                executor_call(&update(|status| status.uuid = Some(uuid))),
                Err("Not a valid UUID".to_string())
            );
        }
    }

    #[test]
    fn refuses_calls_without_their_member() {
        for (kind, member) in [
            (call::Type::Subscribe, "subscribe"),
            (call::Type::Update, "update"),
            (call::Type::Message, "message"),
        ] {
            let call = Call { r#type: Some(kind), ..Default::default() };
            assert_eq!(executor_call(&call), Err(format!("Expecting '{member}' to be present")));
        }
        assert_eq!(executor_call(&Call::default()), Err("Expecting 'type' to be present".to_string()));
        let heartbeat = Call { r#type: Some(call::Type::Heartbeat), ..Default::default() };
        assert_eq!(executor_call(&heartbeat), Ok(()));
    }
}
