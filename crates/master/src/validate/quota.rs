// SPDX-License-Identifier: Apache-2.0

//! Whether a quota makes sense by itself and beside the others.

use std::collections::{BTreeMap, BTreeSet};

use kaon_api::v1::quota::{QuotaConfig, QuotaRequest};
use kaon_api::v1::value;
use kaon_model::{Quantities, Role, Scalar, format, resource_validity, role, scalar_problem};

use crate::config::Config;
use crate::registry::{Registry, quota};

/// Mesos: the most that can be counted of what is counted in MiB: an exabyte.
const MEGABYTES_MAX: i64 = 1 << 40;

/// Mesos: the most that can be counted of anything else.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// What roles are promised, by role.
pub(crate) type Guarantees = BTreeMap<Role, Quantities>;

/// Whether the operator lets the role be used: all, unless some are listed. Mesos: `*` always.
pub(crate) fn is_allowed(config: &Config, role: &str) -> bool {
    role == "*" || config.roles.as_ref().is_none_or(|allowed| allowed.iter().any(|own| own == role))
}

/// Checks one quota by itself, in Mesos's order.
pub(crate) fn config(config: &QuotaConfig) -> Result<(), String> {
    role::validate_role(&config.role).map_err(|error| format!("Invalid 'QuotaConfig.role': {error}"))?;
    for (member, amounts) in [("guarantees", &config.guarantees), ("limits", &config.limits)] {
        let invalid = |problem| format!("Invalid 'QuotaConfig.{member}': {problem}");
        amounts.iter().try_for_each(|(name, amount)| not_too_much(name, amount)).map_err(invalid)?;
    }
    for (kind, amounts) in [("guarantee", &config.guarantees), ("limit", &config.limits)] {
        for (name, amount) in amounts {
            if let Some(problem) = scalar_problem(amount.value) {
                let amount = Scalar::from_f64(amount.value);
                return Err(format!("Invalid {kind} configuration {{'{name}': {amount}}}: {problem}"));
            }
        }
    }
    let own = quota::of(config);
    if !own.limits.contains(&own.guarantees) {
        return Err(format!(
            "'QuotaConfig.guarantees' {} is not contained within the 'QuotaConfig.limits' {}",
            set_text(&config.guarantees),
            set_text(&config.limits)
        ));
    }
    Ok(())
}

fn not_too_much(name: &str, amount: &value::Scalar) -> Result<(), String> {
    let (most, unit) = match name {
        "mem" | "disk" => (MEGABYTES_MAX, "exabyte"),
        _ => (AMOUNT_MAX, "trillion"),
    };
    if amount.value <= most as f64 || amount.value.is_nan() {
        return Ok(());
    }
    let amount = Scalar::from_f64(amount.value);
    Err(format!("{{'{name}': {amount}}} is invalid: values greater than 1 {unit} ({most}) are not supported"))
}

/// Mesos: `{ cpus: 2, mem: 5 }`.
fn set_text(amounts: &BTreeMap<String, value::Scalar>) -> String {
    super::text::set(
        amounts.iter().map(|(name, amount)| format!("{name}: {}", Scalar::from_f64(amount.value))),
    )
}

/// Checks a request of the old form, in Mesos's order; says what it means.
pub(crate) fn request(mut request: QuotaRequest) -> Result<QuotaConfig, String> {
    resource_validity::validate_all(&request.guarantee)
        .map_err(|error| format!("QuotaInfo with invalid resource: {error}"))?;
    format::upgrade_all(&mut request.guarantee);
    let name = request.role.unwrap_or_default();
    role::validate_role(&name).map_err(|error| format!("QuotaInfo with invalid role: {error}"))?;
    if request.guarantee.is_empty() {
        return Err("QuotaInfo with empty 'guarantee'".to_string());
    }
    let (mut names, mut amounts) = (BTreeSet::new(), BTreeMap::new());
    for resource in request.guarantee {
        if !resource.reservations.is_empty() {
            return Err("QuotaInfo must not contain any ReservationInfo".to_string());
        }
        if resource.disk.is_some() {
            return Err("QuotaInfo must not contain DiskInfo".to_string());
        }
        if resource.revocable.is_some() {
            return Err("QuotaInfo must not contain RevocableInfo".to_string());
        }
        let Some(amount) = resource.scalar else {
            return Err("QuotaInfo must not include non-scalar resources".to_string());
        };
        if !names.insert(resource.name.clone()) {
            return Err(format!("QuotaInfo contains duplicate resource name '{}'", resource.name));
        }
        amounts.insert(resource.name, amount);
    }
    Ok(QuotaConfig { role: name, guarantees: amounts.clone(), limits: amounts, ..Default::default() })
}

/// What all roles would be promised if these were set.
pub(crate) fn with(registry: &Registry, configs: &[QuotaConfig]) -> Guarantees {
    let mut all: Guarantees = registry.quotas().map(|(role, quota)| (role, quota.guarantees)).collect();
    for config in configs {
        if let Ok(role) = Role::new(&config.role) {
            all.insert(role, quota::of(config).guarantees);
        }
    }
    all
}

/// Mesos: a role must be promised at least what those below it are; matters only for what older masters have left.
pub(crate) fn tree(all: &Guarantees) -> Result<(), String> {
    let mut below: BTreeMap<Role, Quantities> = BTreeMap::new();
    for (role, promised) in all {
        if let Some(parent) = role.parent() {
            *below.entry(parent).or_default() += promised;
        }
    }
    let nothing = Quantities::new();
    for (parent, children) in below {
        let promised = all.get(&parent).unwrap_or(&nothing);
        if !promised.contains(&children) {
            return Err(format!(
                "Invalid quota configuration. Parent role '{}' with guarantees ({promised}) does not contain the sum of \
                 its children's guarantees ({children})",
                parent.leaf()
            ));
        }
    }
    Ok(())
}

/// What the roles at the top are promised: those below have their part of it.
pub(crate) fn promised(all: &Guarantees) -> Quantities {
    let mut sum = Quantities::new();
    all.iter().filter(|(role, _)| role.parent().is_none()).for_each(|(_, promised)| sum += promised);
    sum
}
