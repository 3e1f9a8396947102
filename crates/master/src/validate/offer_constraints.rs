// SPDX-License-Identifier: Apache-2.0

//! Whether offer constraints are described well.

use std::collections::BTreeSet;

use kaon_api::v1::scheduler::attribute_constraint::selector::PseudoattributeType;
use kaon_api::v1::scheduler::{AttributeConstraint, OfferConstraints, attribute_constraint};
use kaon_model::Role;

/// Checks the form, then that each role is one of the framework's.
pub(crate) fn offer_constraints(
    constraints: Option<&OfferConstraints>,
    roles: &BTreeSet<Role>,
) -> Result<(), String> {
    let Some(constraints) = constraints.filter(|constraints| !constraints.role_constraints.is_empty()) else {
        return Ok(());
    };
    form(constraints)?;
    for role in constraints.role_constraints.keys() {
        if !roles.contains(role.as_str()) {
            // Mesos: 1.11 takes them, and they have no effect; later versions refuse them so, without the blank before
            // "not".
            return Err(format!(
                "Offer constraints specify `role_constraints` for a role '{role}'not contained in the set of roles"
            ));
        }
    }
    // They would decide what is offered: keeping them without that would mislead.
    Err("Offer constraints are not supported by this master".to_string())
}

/// Every role has groups, every group constraints, and each of those says what is compared, and how.
fn form(constraints: &OfferConstraints) -> Result<(), String> {
    for (role, of_role) in &constraints.role_constraints {
        if of_role.groups.is_empty() {
            return Err(format!(
                "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role {role}"
            ));
        }
        for group in &of_role.groups {
            if group.attribute_constraints.is_empty() {
                return Err(format!(
                    "'OfferConstraints::RoleConstraints::groups' for role {role}contains an empty RoleConstraints::Group"
                ));
            }
            group.attribute_constraints.iter().try_for_each(attribute).map_err(|problem| {
                format!("A role {role} has an invalid 'AttributeConstraint': {problem}")
            })?;
        }
    }
    Ok(())
}

fn attribute(constraint: &AttributeConstraint) -> Result<(), &'static str> {
    let selector = &constraint.selector;
    match (&selector.attribute_name, selector.pseudoattribute_type) {
        (None, None) => {
            return Err("Exactly one of 'AttributeConstraint::Selector::name' or \
                 'AttributeConstraint::Selector::pseudoattribute_type' must be set");
        }
        (None, Some(PseudoattributeType::Unknown)) => return Err("Unknown pseudoattribute type"),
        _ => {}
    }
    // One that this version does not know is read as none.
    if *constraint.predicate == attribute_constraint::Predicate::default() {
        return Err("Unknown predicate type");
    }
    Ok(())
}
