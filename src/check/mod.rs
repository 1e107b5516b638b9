//! Rules over a catalog that need no database: each in a file of its own, with its explanation.
#![deny(clippy::disallowed_methods)]

mod gate_impassable;
mod window_unreachable;

use crate::manifest::rules::{RULES, Rule};
use crate::model::{Catalog, Finding};

/// A rule with the function that applies it.
struct Check {
    rule: Rule,
    run: fn(&Catalog, &mut Vec<Finding>),
}

const CHECKS: &[Check] = &[
    Check { rule: gate_impassable::RULE, run: gate_impassable::check },
    Check { rule: window_unreachable::RULE, run: window_unreachable::check },
];

/// Every finding of every rule, sorted by place.
pub fn check(catalog: &Catalog) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in CHECKS {
        (check.run)(catalog, &mut findings);
    }
    findings.sort_by(|a, b| (&a.place, a.rule, &a.message).cmp(&(&b.place, b.rule, &b.message)));
    findings
}

/// Every rule there is, the loader's and those here, by name.
pub fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = RULES.iter().copied().chain(CHECKS.iter().map(|check| check.rule)).collect();
    rules.sort_by_key(|rule| rule.name);
    rules
}
