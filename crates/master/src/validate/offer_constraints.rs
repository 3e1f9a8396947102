// SPDX-License-Identifier: Apache-2.0

//! Whether offer constraints are described well, and what they mean.

use std::collections::BTreeSet;

use kaon_allocator::{Constraint, Constraints, Pattern, PatternLimits, Predicate, Selector};
use kaon_api::v1::scheduler::attribute_constraint::selector::PseudoattributeType;
use kaon_api::v1::scheduler::{AttributeConstraint, OfferConstraints, attribute_constraint as wire};
use kaon_model::Role;

use crate::config::Config;

/// Checks the form, then that each role is one of the framework's; says what the allocator is to heed.
pub(crate) fn offer_constraints(
    constraints: Option<&OfferConstraints>,
    roles: &BTreeSet<Role>,
    config: &Config,
) -> Result<Constraints, String> {
    let Some(constraints) = constraints else { return Ok(Constraints::default()) };
    let compiled = compiled(constraints, config.pattern_limits)?;
    for role in constraints.role_constraints.keys() {
        if !roles.contains(role.as_str()) {
            // Mesos: 1.11 takes them, and they have no effect; later versions refuse them so, without the blank before
            // "not".
            return Err(format!(
                "Offer constraints specify `role_constraints` for a role '{role}'not contained in the set of roles"
            ));
        }
    }
    Ok(compiled)
}

/// Every role has groups, every group constraints, and each of those says what is compared, and how.
fn compiled(constraints: &OfferConstraints, limits: PatternLimits) -> Result<Constraints, String> {
    let mut all = Constraints::default();
    for (name, of_role) in &constraints.role_constraints {
        if of_role.groups.is_empty() {
            return Err(format!(
                "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role {name}"
            ));
        }
        let mut groups = Vec::new();
        for group in &of_role.groups {
            if group.attribute_constraints.is_empty() {
                return Err(format!(
                    "'OfferConstraints::RoleConstraints::groups' for role {name}contains an empty RoleConstraints::Group"
                ));
            }
            let read = |one| {
                constraint(one, limits).map_err(|problem| {
                    format!("A role {name} has an invalid 'AttributeConstraint': {problem}")
                })
            };
            groups.push(group.attribute_constraints.iter().map(read).collect::<Result<_, _>>()?);
        }
        // A role that is none is not among the framework's, which is told next.
        if let Ok(role) = Role::new(name) {
            all.0.insert(role, groups);
        }
    }
    Ok(all)
}

fn constraint(wire: &AttributeConstraint, limits: PatternLimits) -> Result<Constraint, String> {
    Ok(Constraint { selector: selector(&wire.selector)?, predicate: predicate(&wire.predicate, limits)? })
}

fn selector(wire: &wire::Selector) -> Result<Selector, String> {
    match (&wire.attribute_name, wire.pseudoattribute_type) {
        (Some(name), _) => Ok(Selector::Attribute(name.clone())),
        (None, Some(PseudoattributeType::Hostname)) => Ok(Selector::Hostname),
        (None, Some(PseudoattributeType::Region)) => Ok(Selector::Region),
        (None, Some(PseudoattributeType::Zone)) => Ok(Selector::Zone),
        (None, Some(PseudoattributeType::Unknown)) => Err("Unknown pseudoattribute type".to_string()),
        (None, None) => Err("Exactly one of 'AttributeConstraint::Selector::name' or \
                             'AttributeConstraint::Selector::pseudoattribute_type' must be set"
            .to_string()),
    }
}

/// One that this version does not know is read as none.
fn predicate(wire: &wire::Predicate, limits: PatternLimits) -> Result<Predicate, String> {
    let pattern = |regex: &str| Pattern::new(regex, limits).map_err(|error| error.to_string());
    if wire.exists.is_some() {
        Ok(Predicate::Exists)
    } else if wire.not_exists.is_some() {
        Ok(Predicate::NotExists)
    } else if let Some(text) = &wire.text_equals {
        Ok(Predicate::TextEquals(text.value.clone()))
    } else if let Some(text) = &wire.text_not_equals {
        Ok(Predicate::TextNotEquals(text.value.clone()))
    } else if let Some(text) = &wire.text_matches {
        Ok(Predicate::TextMatches(pattern(&text.regex)?))
    } else if let Some(text) = &wire.text_not_matches {
        Ok(Predicate::TextNotMatches(pattern(&text.regex)?))
    } else {
        Err("Unknown predicate type".to_string())
    }
}
