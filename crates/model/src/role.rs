// SPDX-License-Identifier: Apache-2.0

//! Roles: the paths under which a cluster is shared out.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

/// A valid role name: `*`, or a path such as `eng/web`. Cloning is cheap.
///
/// Ordered by name bytewise; use [`Role::is_strict_subrole_of`] for the tree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Arc<str>);

/// Why a text is no role. Texts as Mesos writes them, for clients match on them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    #[error("Role names cannot be the empty string")]
    Empty,
    #[error("Role '{0}' cannot start with a slash")]
    LeadingSlash(String),
    #[error("Role '{0}' cannot end with a slash")]
    TrailingSlash(String),
    #[error("Role '{0}' cannot contain two adjacent slashes")]
    AdjacentSlashes(String),
    #[error("Role '{role}' cannot include '{component}' as a component")]
    ReservedComponent { role: String, component: &'static str },
    #[error("Role component '{0}' is invalid because it starts with a dash")]
    LeadingDash(String),
    #[error("Role component '{0}' is invalid because it contains backspace or whitespace")]
    Whitespace(String),
    #[error("Role names cannot have more than {DEPTH_MAX} components")]
    TooDeep,
}

/// Bound: components of a role. All roles above one are there with it, and the tree of them is walked by recursion: a name
/// of some kilobytes would otherwise cost megabytes, and the stack.
pub const DEPTH_MAX: usize = 256;

static STAR: LazyLock<Role> = LazyLock::new(|| Role(Arc::from("*")));

impl Role {
    /// Checks `name` by the rules of Mesos.
    pub fn new(name: &str) -> Result<Role, RoleError> {
        validate_role(name)?;
        Ok(if name == "*" { Role::star() } else { Role(Arc::from(name)) })
    }

    /// The role of all that is reserved for nobody.
    pub fn star() -> Role {
        STAR.clone()
    }

    pub fn is_star(&self) -> bool {
        &*self.0 == "*"
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between slashes: `eng`, `web`.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// How many components.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// The last component.
    pub fn leaf(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The role above, if there is one: `eng` for `eng/web`.
    pub fn parent(&self) -> Option<Role> {
        self.0.rsplit_once('/').map(|(parent, _)| Role(Arc::from(parent)))
    }

    /// The first component as a role: where quota is set.
    pub fn top_level(&self) -> Role {
        match self.0.split_once('/') {
            Some((top, _)) => Role(Arc::from(top)),
            None => self.clone(),
        }
    }

    /// All roles above this one, nearest first.
    pub fn ancestors(&self) -> impl Iterator<Item = Role> {
        std::iter::successors(self.parent(), Role::parent)
    }

    /// This role, then all roles above it.
    pub fn self_and_ancestors(&self) -> impl Iterator<Item = Role> {
        std::iter::once(self.clone()).chain(self.ancestors())
    }

    /// Whether this role lies below `other` (`eng/web` below `eng`, not below `en`).
    pub fn is_strict_subrole_of(&self, other: &Role) -> bool {
        self.0.strip_prefix(&*other.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether this role is `other` or lies below it.
    pub fn is_within(&self, other: &Role) -> bool {
        self == other || self.is_strict_subrole_of(other)
    }

    /// The child of `self` on the way down to `descendant`; none where it is not below.
    pub fn child_towards(&self, descendant: &Role) -> Option<Role> {
        let rest = descendant.0.strip_prefix(&*self.0)?.strip_prefix('/')?;
        let end = descendant.0.len() - rest.len() + rest.find('/').unwrap_or(rest.len());
        Some(Role(Arc::from(&descendant.0[..end])))
    }
}

/// The rules of Mesos for role names, in its order.
pub fn validate_role(name: &str) -> Result<(), RoleError> {
    if name == "*" {
        return Ok(());
    }
    if name.is_empty() {
        return Err(RoleError::Empty);
    }
    if name.starts_with('/') {
        return Err(RoleError::LeadingSlash(name.to_string()));
    }
    if name.ends_with('/') {
        return Err(RoleError::TrailingSlash(name.to_string()));
    }
    if name.contains("//") {
        return Err(RoleError::AdjacentSlashes(name.to_string()));
    }
    name.split('/').try_for_each(|component| validate_component(name, component))?;
    // Mesos: however many.
    if name.split('/').count() > DEPTH_MAX { Err(RoleError::TooDeep) } else { Ok(()) }
}

fn validate_component(role: &str, component: &str) -> Result<(), RoleError> {
    if let Some(reserved) = [".", "..", "*"].into_iter().find(|reserved| *reserved == component) {
        return Err(RoleError::ReservedComponent { role: role.to_string(), component: reserved });
    }
    if component.starts_with('-') {
        return Err(RoleError::LeadingDash(component.to_string()));
    }
    if component.bytes().any(|byte| matches!(byte, 0x09..=0x0d | 0x20 | 0x7f)) {
        return Err(RoleError::Whitespace(component.to_string()));
    }
    Ok(())
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({})", self.0)
    }
}

impl FromStr for Role {
    type Err = RoleError;
    fn from_str(name: &str) -> Result<Role, RoleError> {
        Role::new(name)
    }
}

impl AsRef<str> for Role {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Role {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Role {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Role {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn role(name: &str) -> Role {
        Role::new(name).unwrap()
    }

    #[test]
    fn refuses_with_the_texts_of_mesos() {
        for (name, text) in [
            ("", "Role names cannot be the empty string"),
            ("/a", "Role '/a' cannot start with a slash"),
            ("/", "Role '/' cannot start with a slash"),
            ("a/", "Role 'a/' cannot end with a slash"),
            ("a//b", "Role 'a//b' cannot contain two adjacent slashes"),
            ("a/./b", "Role 'a/./b' cannot include '.' as a component"),
            ("..", "Role '..' cannot include '..' as a component"),
            ("a/*", "Role 'a/*' cannot include '*' as a component"),
            ("a/-b", "Role component '-b' is invalid because it starts with a dash"),
            ("a b", "Role component 'a b' is invalid because it contains backspace or whitespace"),
            ("a\x7f", "Role component 'a\x7f' is invalid because it contains backspace or whitespace"),
        ] {
            assert_eq!(Role::new(name).unwrap_err().to_string(), text);
        }
        for name in ["*", "a", "a/b/c", "a-", "ü", "a.b"] {
            assert!(Role::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn refuses_what_is_too_deep() {
        assert_eq!(role(&["a"; DEPTH_MAX].join("/")).depth(), DEPTH_MAX);
        let error = Role::new(&["a"; DEPTH_MAX + 1].join("/")).unwrap_err();
        assert_eq!(error.to_string(), "Role names cannot have more than 256 components");
    }

    #[test]
    fn walks_the_tree() {
        let web = role("eng/web/api");
        assert_eq!(web.ancestors().map(|r| r.to_string()).collect::<Vec<_>>(), ["eng/web", "eng"]);
        assert!(web.is_strict_subrole_of(&role("eng")) && !web.is_strict_subrole_of(&role("en")));
        assert!(!web.is_strict_subrole_of(&web) && web.is_within(&web));
        assert_eq!((web.top_level(), web.leaf(), web.depth()), (role("eng"), "api", 3));
        assert_eq!(role("eng").child_towards(&web), Some(role("eng/web")));
        assert_eq!(role("eng/web").child_towards(&web), Some(web.clone()));
        assert_eq!(web.child_towards(&role("eng")), None);
        assert_eq!(role("*").parent(), None);
    }

    proptest! {
        #[test]
        fn each_ancestor_is_valid_with_the_role_below_it(parts in prop::collection::vec("[a-z]{1,3}", 1..6)) {
            let deep = role(&parts.join("/"));
            for above in deep.ancestors() {
                prop_assert!(deep.is_strict_subrole_of(&above));
                prop_assert_eq!(role(above.as_str()), above);
            }
            prop_assert_eq!(deep.ancestors().count() + 1, deep.depth());
        }
    }
}
