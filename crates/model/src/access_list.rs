// SPDX-License-Identifier: Apache-2.0

//! One list of `--acls`: rules that say who may do something to what.

use std::collections::BTreeSet;

use kaon_api::v1;

/// Whom, or what, a rule speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    Any,
    None,
    Some(BTreeSet<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRule {
    pub principals: Entity,
    pub objects: Entity,
}

/// The first rule counts that speaks of both; where none does, it is allowed. The default has no rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList(Vec<AccessRule>);

impl AccessList {
    pub fn new(rules: Vec<AccessRule>) -> AccessList {
        AccessList(rules)
    }

    /// None stands for nobody in particular, or for all objects there are.
    pub fn allows(&self, principal: Option<&str>, object: Option<&str>) -> bool {
        let speaks_of_both =
            |rule: &&AccessRule| rule.principals.speaks_of(principal) && rule.objects.speaks_of(object);
        let first = self.0.iter().find(speaks_of_both);
        first.is_none_or(|rule| rule.principals.allows(principal) && rule.objects.allows(object))
    }

    /// The user as whom the framework may not run this task, or the executor of its group.
    pub fn refused_user<'a>(
        &self,
        framework: &'a v1::FrameworkInfo,
        task: &'a v1::TaskInfo,
        of_group: Option<&'a v1::ExecutorInfo>,
    ) -> Option<&'a str> {
        let allowed = |user: &&str| self.allows(framework.principal.as_deref(), Some(user));
        users_of(framework, task, of_group).find(|user| !allowed(user))
    }
}

impl Entity {
    fn speaks_of(&self, name: Option<&str>) -> bool {
        match self {
            Entity::Any | Entity::None => true,
            Entity::Some(named) => name.is_some_and(|name| named.contains(name)),
        }
    }

    /// Of what it speaks of.
    fn allows(&self, name: Option<&str>) -> bool {
        *self != Entity::None && self.speaks_of(name)
    }
}

/// As whom the task runs, and as whom the executor of its group. Mesos: does not look at the latter.
fn users_of<'a>(
    framework: &'a v1::FrameworkInfo,
    task: &'a v1::TaskInfo,
    of_group: Option<&'a v1::ExecutorInfo>,
) -> impl Iterator<Item = &'a str> {
    fn user(command: Option<&v1::CommandInfo>) -> Option<&str> {
        command.and_then(|command| command.user.as_deref())
    }
    let of = |executor: &'a v1::ExecutorInfo| user(executor.command.as_deref());
    let own = user(task.command.as_deref()).or_else(|| task.executor.as_deref().and_then(of));
    [own.unwrap_or(&framework.user)].into_iter().chain(of_group.and_then(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(names: &[&str]) -> Entity {
        Entity::Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn list(rules: &[(Entity, Entity)]) -> AccessList {
        let rule = |(principals, objects): &(Entity, Entity)| AccessRule {
            principals: principals.clone(),
            objects: objects.clone(),
        };
        AccessList::new(rules.iter().map(rule).collect())
    }

    /// The tables of Mesos: what a rule speaks of, and what it allows of that.
    #[test]
    fn rules_match_and_allow_as_in_mesos() {
        for (rule, name, speaks, allows) in [
            (some(&["a", "b"]), Some("a"), true, true),
            (some(&["a", "b"]), Some("c"), false, false),
            (some(&["a", "b"]), None, false, false),
            (some(&[]), Some("a"), false, false),
            (Entity::Any, Some("a"), true, true),
            (Entity::Any, None, true, true),
            (Entity::None, Some("a"), true, false),
            (Entity::None, None, true, false),
        ] {
            assert_eq!((rule.speaks_of(name), rule.allows(name)), (speaks, allows), "{rule:?} {name:?}");
        }
    }

    #[test]
    fn the_first_rule_that_speaks_of_both_counts() {
        let list = list(&[
            (some(&["spark"]), some(&["alice"])),
            (some(&["spark"]), Entity::None),
            (Entity::None, some(&["root"])),
        ]);
        for (principal, user, allowed) in [
            (Some("spark"), "alice", true),
            (Some("spark"), "root", false),
            (Some("other"), "alice", true),
            (Some("other"), "root", false),
            (None, "root", false),
            (None, "bob", true),
        ] {
            assert_eq!(list.allows(principal, Some(user)), allowed, "{principal:?} {user}");
        }
        assert!(AccessList::default().allows(None, None));
    }

    fn command(user: Option<&str>) -> Box<v1::CommandInfo> {
        Box::new(v1::CommandInfo { user: user.map(Into::into), ..Default::default() })
    }

    #[test]
    fn each_user_as_whom_something_runs_is_looked_at() {
        let framework = v1::FrameworkInfo { user: "f".into(), ..Default::default() };
        fn executor(user: Option<&str>) -> v1::ExecutorInfo {
            v1::ExecutorInfo { command: Some(command(user)), ..Default::default() }
        }
        let task = |own: Option<Option<&str>>, user: Option<Option<&str>>| v1::TaskInfo {
            command: own.map(command),
            executor: user.map(|user| Box::new(executor(user))),
            ..Default::default()
        };
        let of_group = executor(Some("x"));
        for (task, group, users) in [
            (task(Some(None), None), None, vec!["f"]),
            (task(Some(Some("u")), None), None, vec!["u"]),
            (task(None, Some(None)), None, vec!["f"]),
            (task(None, Some(Some("x"))), None, vec!["x"]),
            (task(Some(Some("u")), None), Some(&of_group), vec!["u", "x"]),
            (task(Some(None), None), Some(&of_group), vec!["f", "x"]),
        ] {
            assert_eq!(users_of(&framework, &task, group).collect::<Vec<_>>(), users, "{task:?}");
        }
    }
}
