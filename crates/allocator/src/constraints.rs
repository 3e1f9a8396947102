// SPDX-License-Identifier: Apache-2.0

//! Offer constraints: which agents a framework wants to be offered at all.

mod ascii;
mod pattern;

use crate::shape::AgentShape;
use kaon_model::{AttributeValue, Role};
use std::collections::BTreeMap;

pub use pattern::{Pattern, PatternError, PatternLimits};

/// By role: the groups of which one must be met, by meeting all its constraints. A role that is not named has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constraints(pub BTreeMap<Role, Vec<Vec<Constraint>>>);

/// One condition on one fact about an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    pub selector: Selector,
    pub predicate: Predicate,
}

/// The fact that is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The first attribute of this name.
    Attribute(String),
    Hostname,
    Region,
    Zone,
}

/// What must hold of it. What is no text satisfies every condition on texts.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    Exists,
    NotExists,
    TextEquals(String),
    TextNotEquals(String),
    /// The whole text, not a part of it.
    TextMatches(Pattern),
    TextNotMatches(Pattern),
}

/// What stands where a selector points.
enum Found<'a> {
    Nothing,
    Text(&'a str),
    Other,
}

impl Constraints {
    /// Whether the framework does not want the agent in this role.
    pub fn excludes(&self, role: &Role, agent: &AgentShape) -> bool {
        let met = |group: &Vec<Constraint>| group.iter().all(|constraint| constraint.is_met_by(agent));
        self.0.get(role).is_some_and(|groups| !groups.iter().any(met))
    }
}

impl Constraint {
    fn is_met_by(&self, agent: &AgentShape) -> bool {
        let found = match &self.selector {
            Selector::Hostname => Found::Text(&agent.hostname),
            Selector::Region => Found::text(agent.region.as_deref()),
            Selector::Zone => Found::text(agent.zone.as_deref()),
            Selector::Attribute(name) => match agent.attributes.get(name) {
                None => Found::Nothing,
                Some(AttributeValue::Text(text)) => Found::Text(text),
                Some(_) => Found::Other,
            },
        };
        self.predicate.holds_of(&found)
    }
}

impl<'a> Found<'a> {
    fn text(text: Option<&'a str>) -> Found<'a> {
        text.map_or(Found::Nothing, Found::Text)
    }
}

impl Predicate {
    /// Mesos: an attribute that is not there differs from every text.
    fn holds_of(&self, found: &Found<'_>) -> bool {
        match (self, found) {
            (Predicate::Exists, Found::Nothing) => false,
            (Predicate::Exists, _) => true,
            (Predicate::NotExists, Found::Nothing) => true,
            (Predicate::NotExists, _) => false,
            (Predicate::TextEquals(_) | Predicate::TextMatches(_), Found::Nothing) => false,
            (_, Found::Nothing | Found::Other) => true,
            (Predicate::TextEquals(wanted), Found::Text(text)) => wanted == text,
            (Predicate::TextNotEquals(wanted), Found::Text(text)) => wanted != text,
            (Predicate::TextMatches(pattern), Found::Text(text)) => pattern.matches(text),
            (Predicate::TextNotMatches(pattern), Found::Text(text)) => !pattern.matches(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> AgentShape {
        AgentShape {
            hostname: "h1".into(),
            zone: Some("z".into()),
            attributes: "rack:r1;level:3;rack:r2".parse().unwrap(),
            ..AgentShape::default()
        }
    }

    fn matches(pattern: &str) -> Pattern {
        Pattern::new(pattern, PatternLimits::default()).unwrap()
    }

    /// Each row of the table: what stands at the selector, and what then holds.
    #[test]
    fn each_predicate_on_each_kind_of_fact() {
        let predicates = || {
            [
                Predicate::Exists,
                Predicate::NotExists,
                Predicate::TextEquals("r1".into()),
                Predicate::TextNotEquals("r1".into()),
                Predicate::TextMatches(matches("r[0-9]")),
                Predicate::TextNotMatches(matches("r[0-9]")),
            ]
        };
        for (selector, expected) in [
            (Selector::Attribute("rack".into()), [true, false, true, false, true, false]),
            (Selector::Attribute("level".into()), [true, false, true, true, true, true]),
            (Selector::Attribute("nosuch".into()), [false, true, false, true, false, true]),
            (Selector::Hostname, [true, false, false, true, false, true]),
            (Selector::Region, [false, true, false, true, false, true]),
            (Selector::Zone, [true, false, false, true, false, true]),
        ] {
            let held = predicates()
                .map(|predicate| Constraint { selector: selector.clone(), predicate }.is_met_by(&agent()));
            assert_eq!(held, expected, "{selector:?}");
        }
    }

    #[test]
    fn one_group_suffices_and_needs_all_its_constraints() {
        let host = |name: &str| Constraint {
            selector: Selector::Hostname,
            predicate: Predicate::TextEquals(name.into()),
        };
        let zone = Constraint { selector: Selector::Zone, predicate: Predicate::Exists };
        let region = Constraint { selector: Selector::Region, predicate: Predicate::Exists };
        let role = Role::new("r").unwrap();
        let excludes = |groups: Vec<Vec<Constraint>>| {
            Constraints([(role.clone(), groups)].into()).excludes(&role, &agent())
        };
        assert!(!excludes(vec![vec![host("h1"), zone.clone()]]));
        assert!(excludes(vec![vec![host("h1"), region.clone()]]));
        assert!(!excludes(vec![vec![host("h2")], vec![zone]]));
        assert!(excludes(vec![vec![host("h2")], vec![region]]));
        assert!(!Constraints::default().excludes(&role, &agent()));
    }
}
