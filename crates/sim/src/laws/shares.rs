// SPDX-License-Identifier: Apache-2.0

//! Shares as the policy says: who is neither promised nor denied anything gets by its weight.

use crate::division::books::Books;
use crate::report::Broken;

/// Samples that count: the last ones, when the restless time is forgotten.
const COUNTED: usize = 20;

/// How far apart the mean shares by weight may be. An agent is offered whole, and the largest has about a thirtieth of
/// the cluster; whoever has too much gives it back as its tasks end.
const APART_MAX: f64 = 0.06;

#[derive(Debug)]
pub struct Shares {
    weights: Vec<(&'static str, f64)>,
    /// For each role, one share by weight a second; none where quota or a reservation decides as well.
    samples: Vec<Vec<Option<f64>>>,
    fair: bool,
}

impl Shares {
    /// Only a policy that is `fair` promises anything.
    pub fn new(weights: &[(&'static str, f64)], fair: bool) -> Shares {
        Shares { weights: weights.to_vec(), samples: vec![Vec::new(); weights.len()], fair }
    }

    pub fn sample(&mut self, books: &Books) {
        for ((role, weight), samples) in self.weights.iter().zip(&mut self.samples) {
            let quota = books.quota(role);
            let free = quota.cpus.is_none() && quota.mem.is_none() && quota.promised == Default::default();
            let counts = free && !books.has_reservations(role);
            samples.push(counts.then(|| books.share(role) / weight));
        }
    }

    pub fn judge(&self) -> Option<Broken> {
        let mean = |samples: &Vec<Option<f64>>| -> Option<f64> {
            let last: Option<Vec<f64>> = samples.iter().rev().take(COUNTED).copied().collect();
            last.filter(|last| last.len() == COUNTED).map(|last| last.iter().sum::<f64>() / COUNTED as f64)
        };
        let means: Vec<(&str, f64)> = self
            .weights
            .iter()
            .zip(&self.samples)
            .filter_map(|((role, _), s)| Some((*role, mean(s)?)))
            .collect();
        let (low, high) = means
            .iter()
            .fold((f64::MAX, f64::MIN), |(low, high), (_, share)| (low.min(*share), high.max(*share)));
        (self.fair && high - low > APART_MAX).then(|| Broken {
            law: "shares as the policy says",
            what: format!("shares by weight: {means:?}"),
        })
    }
}
