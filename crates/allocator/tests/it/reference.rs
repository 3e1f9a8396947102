// SPDX-License-Identifier: Apache-2.0

//! One round, held against another way to make it: short, slow, with every sum made anew each time it is needed.

use super::world::{agent_shape, framework_shape, role, task};
use kaon_allocator::{Allocator, Config, Drf, Quota};
use kaon_model::{
    AgentId, Entropy, FrameworkId, Mono, Reservation, ResourceName, Resources, Role, Scalar, Value,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const ROLES: [&str; 5] = ["r", "r/a", "r/b", "s", "t"];
const NAMES: [&str; 2] = ["cpus", "mem"];

/// Whole units by name.
type Amounts = BTreeMap<&'static str, i64>;

#[derive(Clone, Debug)]
struct Agent {
    open: Amounts,
    /// By role.
    reserved: Vec<(usize, Amounts)>,
    /// What frameworks use of the open, by framework and role.
    used: Vec<(usize, usize, Amounts)>,
}

#[derive(Clone, Debug)]
struct Cluster {
    agents: Vec<Agent>,
    /// The roles of each framework.
    frameworks: Vec<BTreeSet<usize>>,
    quotas: BTreeMap<usize, (Amounts, Amounts)>,
    weights: Vec<u8>,
}

/// A sibling: its share by weight, how often it got something, its name, and who comes below it in which order.
type Node = (f64, u64, String, Vec<(usize, usize)>);

/// What of one agent one framework gets in one role: of the open, and of what is reserved for each role.
type Given = BTreeMap<(usize, usize, usize), (Amounts, BTreeSet<usize>)>;

struct Round<'a> {
    cluster: &'a Cluster,
    given: Given,
    /// How often each framework got something in each role.
    grants: BTreeMap<(usize, usize), u64>,
}

fn within(below: usize, above: usize) -> bool {
    role(ROLES[below]).is_within(&role(ROLES[above]))
}

fn top(of: usize) -> usize {
    ROLES.iter().position(|name| *name == role(ROLES[of]).top_level().as_str()).unwrap()
}

fn get(amounts: &Amounts, name: &str) -> i64 {
    amounts.get(name).copied().unwrap_or(0)
}

impl Round<'_> {
    fn roles_above(&self, role: usize) -> Vec<usize> {
        (0..ROLES.len()).filter(|above| within(role, *above)).collect()
    }

    /// What the framework in the role holds of the open and the reserved.
    fn held(&self, framework: usize, role: usize, name: &str) -> (i64, i64) {
        let (mut open, mut reserved) = (0, 0);
        for (at, agent) in self.cluster.agents.iter().enumerate() {
            let used = agent.used.iter().filter(|used| (used.0, used.1) == (framework, role));
            open += used.map(|used| get(&used.2, name)).sum::<i64>();
            if let Some((given, roles)) = self.given.get(&(at, framework, role)) {
                open += get(given, name);
                let own = agent.reserved.iter().filter(|(of, _)| roles.contains(of));
                reserved += own.map(|(_, amounts)| get(amounts, name)).sum::<i64>();
            }
        }
        (open, reserved)
    }

    fn seats_within(&self, above: usize) -> Vec<(usize, usize)> {
        let frameworks = 0..self.cluster.frameworks.len();
        frameworks
            .flat_map(|f| (0..ROLES.len()).map(move |r| (f, r)))
            .filter(|s| within(s.1, above))
            .collect()
    }

    fn consumed(&self, role: usize, name: &str) -> i64 {
        let reserved = self.cluster.agents.iter().flat_map(|agent| &agent.reserved);
        let reserved: i64 = reserved.filter(|(of, _)| within(*of, role)).map(|(_, own)| get(own, name)).sum();
        reserved + self.seats_within(role).iter().map(|seat| self.held(seat.0, seat.1, name).0).sum::<i64>()
    }

    fn lacking(&self, role: usize, name: &str) -> i64 {
        let promised = self.cluster.quotas.get(&role).map_or(0, |quota| get(&quota.0, name));
        (promised - self.consumed(role, name)).max(0)
    }

    fn required(&self, name: &str) -> i64 {
        (0..ROLES.len()).filter(|role| top(*role) == *role).map(|role| self.lacking(role, name)).sum()
    }

    fn available(&self, name: &str) -> i64 {
        let all: i64 = self.cluster.agents.iter().map(|agent| get(&agent.open, name)).sum();
        let everyone = (0..ROLES.len()).flat_map(|role| self.seats_within(role)).collect::<BTreeSet<_>>();
        all - everyone.iter().map(|seat| self.held(seat.0, seat.1, name).0).sum::<i64>()
    }

    fn share(&self, seats: &[(usize, usize)]) -> f64 {
        let part = |name: &&str| {
            let agents = &self.cluster.agents;
            let open: i64 = agents.iter().map(|agent| get(&agent.open, name)).sum();
            let reserved = agents.iter().flat_map(|agent| &agent.reserved);
            let total = open + reserved.map(|(_, own)| get(own, name)).sum::<i64>();
            let held = seats.iter().map(|seat| self.held(seat.0, seat.1, name));
            let held: i64 = held.map(|(open, reserved)| open + reserved).sum();
            if total > 0 { (held * 1000) as f64 / (total * 1000) as f64 } else { 0.0 }
        };
        NAMES.iter().map(part).fold(0.0, f64::max)
    }

    fn granted(&self, seats: &[(usize, usize)]) -> u64 {
        seats.iter().map(|seat| self.grants.get(seat).copied().unwrap_or(0)).sum()
    }

    /// Roles sorted by share, grants, name, each with its frameworks and child roles in the same way.
    fn listing(&self, parent: Option<usize>) -> Vec<(usize, usize)> {
        let children: Vec<usize> = (0..ROLES.len())
            .filter(|r| match (role(ROLES[*r]).parent(), parent) {
                (None, None) => true,
                (Some(above), Some(parent)) => above == role(ROLES[parent]),
                _ => false,
            })
            .collect();
        let mut nodes: Vec<Node> = Vec::new();
        for child in children {
            let seats = self.seats_within(child);
            let weight = f64::from(self.cluster.weights[child]);
            let name = role(ROLES[child]).leaf().to_string();
            nodes.push((self.share(&seats) / weight, self.granted(&seats), name, self.listing(Some(child))));
        }
        if let Some(parent) = parent {
            let own: Vec<_> = self.seats_within(parent).into_iter().filter(|seat| seat.1 == parent).collect();
            let mut seats: Vec<_> = own
                .iter()
                .filter(|seat| self.cluster.frameworks[seat.0].contains(&seat.1))
                .map(|seat| (self.share(&[*seat]), self.granted(&[*seat]), seat.0))
                .collect();
            seats.sort_by(|a, b| a.partial_cmp(b).unwrap());
            let listed = seats.into_iter().map(|(_, _, framework)| (framework, parent)).collect();
            nodes.push((self.share(&own), self.granted(&own), ".".to_string(), listed));
        }
        nodes.sort_by(|a, b| (a.0, a.1, &a.2).partial_cmp(&(b.0, b.1, &b.2)).unwrap());
        nodes.into_iter().flat_map(|node| node.3).collect()
    }

    fn stage(&mut self, agents: &[usize], guarantees: bool) {
        for &at in agents {
            for (framework, role) in self.listing(None) {
                self.offer(at, framework, role, guarantees);
            }
        }
    }

    fn offer(&mut self, at: usize, framework: usize, role: usize, guarantees: bool) {
        let agent = &self.cluster.agents[at];
        let mut open = Amounts::new();
        for name in NAMES {
            let used: i64 = agent.used.iter().map(|used| get(&used.2, name)).sum();
            let given = self.given.iter().filter(|((agent, _, _), _)| *agent == at);
            let given: i64 = given.map(|(_, (given, _))| get(given, name)).sum();
            open.insert(name, get(&agent.open, name) - used - given);
        }
        let taken: BTreeSet<usize> =
            self.given.iter().filter(|(key, _)| key.0 == at).flat_map(|(_, own)| own.1.clone()).collect();
        let reserved: BTreeSet<usize> = agent.reserved.iter().map(|(of, _)| *of).collect();
        let reserved: BTreeSet<usize> =
            reserved.into_iter().filter(|of| within(role, *of) && !taken.contains(of)).collect();
        for above in self.roles_above(role) {
            for (name, limit) in self.cluster.quotas.get(&above).into_iter().flat_map(|quota| &quota.1) {
                let room = (limit - self.consumed(above, name)).max(0);
                open.insert(name, get(&open, name).min(room));
            }
        }
        let lacking = |name| if guarantees { self.lacking(top(role), name) } else { 0 };
        let promised: Amounts =
            NAMES.iter().map(|name| (*name, get(&open, name).min(lacking(name)))).collect();
        if guarantees && promised.values().all(|amount| *amount == 0) {
            return;
        }
        let mut offer = Amounts::new();
        for name in NAMES {
            let mut more = get(&open, name) - get(&promised, name);
            let required = self.required(name);
            if required > 0 {
                more = more.min((self.available(name) - required).max(0));
            }
            offer.insert(name, get(&promised, name) + more);
        }
        let of_role = |name| {
            agent.reserved.iter().filter(|(of, _)| reserved.contains(of)).map(move |r| get(&r.1, name))
        };
        let enough = NAMES.iter().any(|name| {
            let least = if *name == "mem" { 32 } else { 1 };
            get(&offer, name) + of_role(name).sum::<i64>() >= least
        });
        if enough {
            let given = self.given.entry((at, framework, role)).or_default();
            offer.into_iter().for_each(|(name, amount)| *given.0.entry(name).or_default() += amount);
            given.1.extend(reserved);
            *self.grants.entry((framework, role)).or_default() += 1;
        }
    }
}

fn text(amounts: &Amounts) -> Resources {
    let scalar = |(name, amount): (&&str, &i64)| {
        kaon_model::Resource::new(*name, Value::Scalar(Scalar::from_units(*amount)))
    };
    amounts.iter().map(scalar).collect()
}

fn reserved_to(of: usize, amounts: &Amounts) -> Resources {
    text(amounts).push_reservation(&Reservation::dynamic(role(ROLES[of]), None))
}

/// The same cluster, as the allocator is told of it.
fn built(cluster: &Cluster, now: Mono) -> Allocator {
    let mut allocator = Allocator::new(Config::default(), Box::new(Drf), now);
    for (at, agent) in cluster.agents.iter().enumerate() {
        let mut shape = agent_shape("");
        shape.total = text(&agent.open);
        agent.reserved.iter().for_each(|(of, amounts)| shape.total += &reserved_to(*of, amounts));
        allocator.add_agent(now, AgentId::from(format!("a{at}")), shape).unwrap();
    }
    for (at, roles) in cluster.frameworks.iter().enumerate() {
        let roles: Vec<&str> = roles.iter().map(|role| ROLES[*role]).collect();
        allocator
            .add_framework(now, FrameworkId::from(format!("f{at}")), &framework_shape(&roles), true)
            .unwrap();
    }
    let mut tasks = 0;
    for (at, agent) in cluster.agents.iter().enumerate() {
        for (framework, of, amounts) in &agent.used {
            tasks += 1;
            let (agent, framework) =
                (AgentId::from(format!("a{at}")), FrameworkId::from(format!("f{framework}")));
            allocator.charge(&agent, &framework, &role(ROLES[*of]), task(tasks), text(amounts)).unwrap();
        }
    }
    for (of, (promised, most)) in &cluster.quotas {
        let named = |(name, amount): (&&str, &i64)| (ResourceName::from(*name), Scalar::from_units(*amount));
        let quota = Quota {
            guarantees: promised.iter().map(named).collect(),
            limits: most.iter().map(named).collect(),
        };
        allocator.set_quota(now, &role(ROLES[*of]), quota);
    }
    for (of, weight) in cluster.weights.iter().enumerate() {
        allocator.set_weight(&role(ROLES[of]), f64::from(*weight)).unwrap();
    }
    allocator
}

fn amounts(cpus: i64, mem: i64) -> Amounts {
    [("cpus", cpus), ("mem", mem)].into_iter().filter(|(_, amount)| *amount > 0).collect()
}

prop_compose! {
    fn agent()(
        open in (0i64..12, 0i64..400),
        reserved in prop::option::of((0usize..5, 1i64..5, 0i64..100)),
        used in prop::collection::vec((0usize..4, 0usize..5, 0i64..5, 0i64..100), 0..3),
    ) -> Agent {
        let mut left = open;
        let mut of_agent = Vec::new();
        for (framework, of, cpus, mem) in used {
            let (cpus, mem) = (cpus.min(left.0), mem.min(left.1));
            left = (left.0 - cpus, left.1 - mem);
            if cpus + mem > 0 {
                of_agent.push((framework, of, amounts(cpus, mem)));
            }
        }
        let reserved = reserved.map(|(of, cpus, mem)| (of, amounts(cpus, mem)));
        Agent { open: amounts(open.0, open.1), reserved: reserved.into_iter().collect(), used: of_agent }
    }
}

/// Limits are not below guarantees.
fn quota() -> impl Strategy<Value = (Amounts, Amounts)> {
    let promised = (0i64..15, 0i64..300);
    (promised, prop::option::of((0i64..10, 0i64..300)), 0u8..4).prop_map(|(promised, more, which)| {
        let (cpus, mem) =
            (if which & 1 > 0 { promised.0 } else { 0 }, if which & 2 > 0 { promised.1 } else { 0 });
        let most =
            more.map(|(c, m)| [("cpus", cpus + c), ("mem", mem + m)].into_iter().take(1 + c as usize % 2));
        (amounts(cpus, mem), most.into_iter().flatten().collect())
    })
}

prop_compose! {
    fn cluster()(
        agents in prop::collection::vec(agent(), 1..6),
        frameworks in prop::collection::vec(prop::collection::btree_set(0usize..5, 0..3), 4),
        quotas in prop::collection::btree_map(prop::sample::select(vec![0usize, 3, 4]), quota(), 0..3),
        weights in prop::collection::vec(1u8..4, 5),
    ) -> Cluster {
        Cluster { agents, frameworks, quotas, weights }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_round_gives_what_the_rules_say(cluster in cluster(), seed: u64) {
        let now = Mono::from_nanos(1_000_000_000_000);
        let mut allocator = built(&cluster, now);
        let due = allocator.deadline().unwrap();
        let mut given: BTreeMap<(String, String, Role), Resources> = BTreeMap::new();
        for proposal in allocator.run(due, &mut Entropy::from_u64(seed), usize::MAX) {
            let key = (proposal.agent.to_string(), proposal.framework.to_string(), proposal.role);
            prop_assert!(given.insert(key, proposal.resources).is_none(), "two offers of one agent");
        }

        let mut grants: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for used in cluster.agents.iter().flat_map(|agent| &agent.used) {
            *grants.entry((used.0, used.1)).or_default() += 1;
        }
        let mut round = Round { cluster: &cluster, given: Given::new(), grants };
        // The agents come in the order that the same dice give.
        let mut dice = Entropy::from_u64(seed);
        let mut rest: Vec<usize> = (0..cluster.agents.len()).collect();
        dice.shuffle(&mut rest);
        let mut first = rest.clone();
        if NAMES.iter().any(|name| round.required(name) > 0) {
            dice.shuffle(&mut first);
            round.stage(&first, true);
        }
        round.stage(&rest, false);
        let expected: BTreeMap<(String, String, Role), Resources> = round
            .given
            .iter()
            .map(|((at, framework, of), (open, reserved))| {
                let mut resources = text(open);
                for (own, amounts) in cluster.agents[*at].reserved.iter().filter(|(own, _)| reserved.contains(own)) {
                    resources += &reserved_to(*own, amounts);
                }
                ((format!("a{at}"), format!("f{framework}"), role(ROLES[*of])), resources)
            })
            .collect();
        prop_assert_eq!(given, expected);
    }
}
