//! The single statements of the files that can rule an upgrade out, so that a refusal can name them and try without them.

use std::collections::BTreeSet;

use crate::model::{Place, Product, RequiredStop, Version, Window};

use super::order::Order;

/// One statement of a manifest or an upgrade path. Numbers are those of [`Order`] and of the path's lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// The lower end of a migration's window.
    WindowMin(usize),
    /// The upper end, which is also the gate.
    WindowMax(usize),
    /// A migration's n-th dependency.
    Dependency(usize, usize),
    /// A migration's requirement on a service.
    Service(usize, String),
    /// A blocked move.
    Blocked(usize),
    /// A required stop.
    RequiredStop(usize),
    /// A withdrawn release.
    Withdrawn(Version),
}

impl Fact {
    /// The number of the migration that it is about, if it is about one.
    pub fn migration(&self) -> Option<usize> {
        match self {
            Fact::WindowMin(number) | Fact::WindowMax(number) => Some(*number),
            Fact::Dependency(number, _) | Fact::Service(number, _) => Some(*number),
            Fact::Blocked(_) | Fact::RequiredStop(_) | Fact::Withdrawn(_) => None,
        }
    }
}

/// What is left out of a problem on trial.
#[derive(Clone, Debug, Default)]
pub(super) struct Relaxed {
    /// Facts that do not hold.
    pub facts: BTreeSet<Fact>,
    /// A migration, by number, that has another window.
    pub window: Option<(usize, Window)>,
}

impl Relaxed {
    pub fn without(facts: impl IntoIterator<Item = Fact>) -> Relaxed {
        Relaxed { facts: facts.into_iter().collect(), window: None }
    }

    pub fn holds(&self, fact: &Fact) -> bool {
        self.facts.is_empty() || !self.facts.contains(fact)
    }

    /// The ends of a migration's window, as far as they hold.
    pub fn ends<'a>(&'a self, order: &'a Order<'_>, number: usize) -> (Option<&'a Version>, Option<&'a Version>) {
        let window = match &self.window {
            Some((moved, window)) if *moved == number => window,
            Some(_) | None => &order.migrations[number].window,
        };
        let min = window.min.as_ref().filter(|_| self.holds(&Fact::WindowMin(number)));
        let max = window.max.as_ref().filter(|_| self.holds(&Fact::WindowMax(number)));
        (min, max)
    }

    /// The migrations that one waits for, by the dependencies that hold.
    pub fn dependencies<'a>(&'a self, order: &'a Order<'_>, number: usize) -> impl Iterator<Item = usize> + 'a {
        let numbered = order.dependencies[number].iter().enumerate();
        numbered.filter(move |(nth, _)| self.holds(&Fact::Dependency(number, *nth))).map(|(_, before)| *before)
    }
}

/// Every fact that can matter between two versions.
pub(super) fn all(
    product: &Product,
    order: &Order<'_>,
    done: &BTreeSet<usize>,
    from: &Version,
    to: &Version,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (number, migration) in order.migrations.iter().enumerate().filter(|(number, _)| !done.contains(number)) {
        if migration.window.min.as_ref().is_some_and(|min| min > from) {
            facts.push(Fact::WindowMin(number));
        }
        if migration.window.ends_below(to) {
            facts.push(Fact::WindowMax(number));
        }
        facts.extend((0..migration.depends_on.len()).map(|nth| Fact::Dependency(number, nth)));
        facts.extend(migration.services.keys().map(|service| Fact::Service(number, service.clone())));
    }
    let crossed = |stop: &RequiredStop| stop.app > *from && stop.app < *to;
    let stops = product.required_stops.iter().enumerate().filter(|(_, stop)| crossed(stop));
    facts.extend(stops.map(|(number, _)| Fact::RequiredStop(number)));
    facts.extend((0..product.blocked.len()).map(Fact::Blocked));
    let withdrawn = product.releases.iter().filter(|release| release.withdrawn.is_some());
    let between = withdrawn.filter(|release| release.app > *from && release.app <= *to);
    let apps: BTreeSet<&Version> = between.map(|release| &release.app).collect();
    facts.extend(apps.into_iter().cloned().map(Fact::Withdrawn));
    facts
}

/// Where a fact stands.
pub(super) fn place<'a>(fact: &Fact, product: &'a Product, order: &Order<'a>) -> Option<&'a Place> {
    match fact {
        Fact::WindowMin(number) => order.migrations[*number].places.min.as_ref(),
        Fact::WindowMax(number) => order.migrations[*number].places.max.as_ref(),
        Fact::Dependency(number, nth) => order.migrations[*number].places.depends_on.get(*nth),
        Fact::Service(number, service) => order.migrations[*number].places.services.get(service),
        Fact::Blocked(number) => product.blocked.get(*number).map(|blocked| &blocked.place),
        Fact::RequiredStop(number) => product.required_stops.get(*number).map(|stop| &stop.place),
        Fact::Withdrawn(app) => {
            let withdrawn = product.releases_of(app).iter().find(|release| release.withdrawn.is_some());
            withdrawn.map(|release| &release.place)
        }
    }
}
