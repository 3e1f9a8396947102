// SPDX-License-Identifier: Apache-2.0

//! Whether a framework's description is acceptable.

use std::collections::BTreeSet;

use kaon_api::v1;
use kaon_model::{Quantities, Role, Scalar, Span, general, role, scalar_problem, validate_id};

use super::text;
use crate::config::Config;
use crate::state::capabilities::FrameworkCapabilities;
use crate::state::frameworks::roles_of;

/// Checks a description by itself, against the settings and what is over, in Mesos's order. Says in which roles it wants
/// no offers for now.
pub(crate) fn framework_info(
    info: &v1::FrameworkInfo,
    suppressed: &[String],
    config: &Config,
    is_over: impl Fn(&str) -> bool,
) -> Result<BTreeSet<Role>, String> {
    roles_alone(info)?;
    if let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) {
        validate_id(&id.value).map_err(|error| error.to_string())?;
    }
    offer_filters(info)?;
    whitelisted(info, config)?;
    let suppressed = suppressed_roles(suppressed, &roles_of(info))?;
    if info.user == "root" && !config.root_submissions {
        return Err("User 'root' is not allowed to run frameworks without --root_submissions set".to_string());
    }
    if info.id.as_ref().is_some_and(|id| is_over(&id.value)) {
        return Err("Framework has been removed".to_string());
    }
    let timeout = info.failover_timeout();
    if Span::from_secs_f64(timeout).is_none() {
        let timeout = general(timeout, 6);
        return Err(format!("The framework failover_timeout ({timeout}) is invalid"));
    }
    Ok(suppressed)
}

/// The roles by themselves, as they must hold together wherever the description comes from.
pub(crate) fn roles_alone(info: &v1::FrameworkInfo) -> Result<(), String> {
    let multi_role = FrameworkCapabilities::of(info).multi_role;
    if multi_role && info.role.is_some() {
        return Err(
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable".to_string()
        );
    }
    if !multi_role && !info.roles.is_empty() {
        return Err(
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable".to_string()
        );
    }
    if !multi_role {
        let invalid = |error| format!("'FrameworkInfo.role' is not a valid role: {error}");
        return role::validate_role(&info.role()).map_err(invalid);
    }
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&String> = info.roles.iter().filter(|role| !seen.insert(*role)).collect();
    if !twice.is_empty() {
        return Err(format!("'FrameworkInfo.roles' contains duplicate items: {}", text::set(twice)));
    }
    let invalid = |error| format!("'FrameworkInfo.roles' contains invalid role: {error}");
    info.roles.iter().try_for_each(|role| role::validate_role(role).map_err(invalid))
}

/// The least that a framework wants in an offer of a role, for each role it names.
pub(crate) fn offer_filters(info: &v1::FrameworkInfo) -> Result<Vec<(Role, Vec<Quantities>)>, String> {
    let mut all = Vec::new();
    for (name, filters) in &info.offer_filters {
        let mut sets = Vec::new();
        for set in filters.min_allocatable_resources.iter().flat_map(|minimum| &minimum.quantities) {
            if set.quantities.is_empty() {
                return Err("Resource quantities must contain at least one quantity".to_string());
            }
            sets.push(quantities(set)?);
        }
        // Mesos: a name that is no role is as good as a role that the framework does not have.
        all.extend(Role::new(name).ok().map(|role| (role, sets)));
    }
    Ok(all)
}

fn quantities(set: &v1::offer_filters::ResourceQuantities) -> Result<Quantities, String> {
    let mut all = Quantities::new();
    for (name, amount) in &set.quantities {
        if let Some(problem) = scalar_problem(amount.value) {
            return Err(format!("Invalid resource quantity for '{name}': {problem}"));
        }
        all.add(&name.as_str().into(), Scalar::from_f64(amount.value));
    }
    Ok(all)
}

fn whitelisted(info: &v1::FrameworkInfo, config: &Config) -> Result<(), String> {
    let Some(allowed) = &config.roles else { return Ok(()) };
    let own = if FrameworkCapabilities::of(info).multi_role { info.roles.clone() } else { vec![info.role()] };
    let refused: BTreeSet<String> =
        own.into_iter().filter(|role| role != "*" && !allowed.contains(role)).collect();
    if refused.is_empty() {
        return Ok(());
    }
    Err(format!("Roles {} are not present in the master's --roles", text::set(refused)))
}

/// The roles in which a framework wants no offers must be among its own.
fn suppressed_roles(suppressed: &[String], roles: &BTreeSet<Role>) -> Result<BTreeSet<Role>, String> {
    if let Some(unknown) = suppressed.iter().find(|role| !roles.contains(role.as_str())) {
        return Err(format!("Suppressed role '{unknown}' is not contained in the list of roles"));
    }
    Ok(suppressed.iter().filter_map(|role| Role::new(role).ok()).collect())
}

/// What may not change while a framework lives; `strict` where Mesos refuses instead of keeping the old value.
pub(crate) fn update(old: &v1::FrameworkInfo, new: &v1::FrameworkInfo, strict: bool) -> Result<(), String> {
    if old.principal != new.principal {
        return Err("Changing framework's principal is not allowed.".to_string());
    }
    if strict && old.user != new.user {
        return Err(format!(
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{}' to '{}'",
            old.user, new.user
        ));
    }
    if strict && old.checkpoint() != new.checkpoint() {
        return Err(format!(
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{}' to '{}'",
            old.checkpoint(),
            new.checkpoint()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(more: &str, change: impl FnOnce(&mut Config), text: &str) {
        let json = format!(r#"{{"user":"root","name":"n"{more}}}"#);
        let json = kaon_api::json::parse(json.as_bytes()).unwrap();
        let info: v1::FrameworkInfo = kaon_api::json::from_json(&json, kaon_api::json::Dialect::V1).unwrap();
        let mut config = Config::default();
        change(&mut config);
        let suppressed: Vec<String> = info.labels.iter().map(|_| "s".to_string()).collect();
        let result = framework_info(&info, &suppressed, &config, |id| id == "over");
        assert_eq!(result.err().unwrap_or_default(), text);
    }

    /// Each description has one fault more than that of the row below.
    #[test]
    fn refuses_in_the_order_of_mesos() {
        let change = |config: &mut Config| {
            config.roles = Some(vec!["a".into()]);
            config.root_submissions = false;
        };
        let filters = r#","offer_filters":{"a":{"min_allocatable_resources":{"quantities":[{}]}}}"#;
        // Where there are labels, a role is suppressed that is not there.
        let (rest, over, suppressed) =
            (r#","failover_timeout":-1e300"#, r#","id":{"value":"over"}"#, r#","labels":{}"#);
        for (more, text) in [
            (
                format!(r#"{filters},"role":"b"{suppressed}{over}{rest}"#),
                "Resource quantities must contain at least one quantity",
            ),
            (
                format!(r#","role":"b"{suppressed}{over}{rest}"#),
                "Roles { b } are not present in the master's --roles",
            ),
            (
                format!("{suppressed}{over}{rest}"),
                "Suppressed role 's' is not contained in the list of roles",
            ),
            (
                format!("{over}{rest}"),
                "User 'root' is not allowed to run frameworks without --root_submissions set",
            ),
        ] {
            check(&more, change, text);
        }
        check(&format!("{over}{rest}"), |_| {}, "Framework has been removed");
        check(rest, |_| {}, "The framework failover_timeout (-1e+300) is invalid");
    }

    #[test]
    fn refuses_with_the_texts_of_mesos() {
        let multi = r#","capabilities":[{"type":"MULTI_ROLE"}]"#;
        check("", |_| {}, "");
        check(&format!(r#"{multi},"roles":["a","b/c"]"#), |_| {}, "");
        check(
            &format!(r#"{multi},"role":"a""#),
            |_| {},
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
        );
        check(
            r#","roles":["a"]"#,
            |_| {},
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
        );
        check(
            &format!(r#"{multi},"roles":["a","a"]"#),
            |_| {},
            "'FrameworkInfo.roles' contains duplicate items: { a }",
        );
        check(
            r#","role":"/a""#,
            |_| {},
            "'FrameworkInfo.role' is not a valid role: Role '/a' cannot start with a slash",
        );
        check(r#","id":{"value":"a/b"}"#, |_| {}, "'a/b' contains invalid characters");
        check(r#","failover_timeout":1e300"#, |_| {}, "The framework failover_timeout (1e+300) is invalid");
        check(
            r#","role":"b""#,
            |config| config.roles = Some(vec!["a".into()]),
            "Roles { b } are not present in the master's --roles",
        );
        check("", |config| config.roles = Some(vec!["a".into()]), "");
        check(
            "",
            |config| config.root_submissions = false,
            "User 'root' is not allowed to run frameworks without --root_submissions set",
        );
        check(
            r#","offer_filters":{"a":{"min_allocatable_resources":{"quantities":[{}]}}}"#,
            |_| {},
            "Resource quantities must contain at least one quantity",
        );
    }
}
