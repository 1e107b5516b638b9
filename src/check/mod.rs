//! Rules over a catalog that need no database: each in a file of its own, with its explanation.
#![deny(clippy::disallowed_methods)]

mod absolute_threshold;
mod copy_unverified;
mod foreign_dialect;
mod foreign_option;
mod gate_impassable;
mod not_repeatable;
mod path_missing;
mod progress_division;
mod recommended_chart;
mod recommended_order;
mod required_flips;
mod several_statements;
mod sql;
#[cfg(test)]
mod testing;
mod undo_drops_only_copy;
mod window_unreachable;

use crate::manifest::rules::{RULES, Rule};
use crate::model::{Catalog, Finding};

/// A rule with the function that applies it.
struct Check {
    rule: Rule,
    run: fn(&Catalog, &mut Vec<Finding>),
}

const CHECKS: &[Check] = &[
    Check { rule: absolute_threshold::RULE, run: absolute_threshold::check },
    Check { rule: copy_unverified::RULE, run: copy_unverified::check },
    Check { rule: foreign_dialect::RULE, run: foreign_dialect::check },
    Check { rule: foreign_option::RULE, run: foreign_option::check },
    Check { rule: gate_impassable::RULE, run: gate_impassable::check },
    Check { rule: not_repeatable::RULE, run: not_repeatable::check },
    Check { rule: path_missing::RULE, run: path_missing::check },
    Check { rule: progress_division::RULE, run: progress_division::check },
    Check { rule: recommended_chart::RULE, run: recommended_chart::check },
    Check { rule: recommended_order::RULE, run: recommended_order::check },
    Check { rule: required_flips::RULE, run: required_flips::check },
    Check { rule: several_statements::RULE, run: several_statements::check },
    Check { rule: undo_drops_only_copy::RULE, run: undo_drops_only_copy::check },
    Check { rule: window_unreachable::RULE, run: window_unreachable::check },
];

/// Every finding of every rule, sorted by place.
pub fn check(catalog: &Catalog) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in CHECKS {
        (check.run)(catalog, &mut findings);
    }
    findings.sort_by(|a, b| a.key().cmp(&b.key()));
    findings
}

/// The undos that would destroy rows which are nowhere else.
pub fn lossy_undos(catalog: &Catalog) -> Vec<Finding> {
    let mut findings = Vec::new();
    undo_drops_only_copy::check(catalog, &mut findings);
    findings
}

/// Every rule there is, the loader's and those here, by name.
pub fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = RULES.iter().copied().chain(CHECKS.iter().map(|check| check.rule)).collect();
    rules.sort_by_key(|rule| rule.name);
    rules
}
