//! A recommended release below that of a migration that must come first.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Finding, Severity};

pub(super) const RULE: Rule = Rule {
    name: "recommended-order",
    summary: "a recommended release below that of a dependency",
    explanation: "A migration runs only when those it depends on are complete. Where one of them is recommended at a later \
                  release, a plan can keep only one of the two recommendations, and with many such pairs the search for \
                  the best plan has to be given up.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for product in catalog.products.values() {
        for (name, entry) in &product.recommended {
            let Some(migration) = product.migrations.get(name) else { continue };
            let later = migration.depends_on.iter().filter_map(|before| product.recommended.get(before));
            for before in later.filter(|before| before.app > entry.app) {
                let message = format!(
                    "{name} is recommended at {}, but {}, which must come first, at {}",
                    entry.app, before.migration, before.app
                );
                let finding = Finding::new(RULE.name, Severity::Warning, entry.place.clone(), message);
                let finding = finding.related(before.place.clone(), "the dependency");
                findings.push(finding.hint(format!("recommend {name} at {} or later", before.app)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{catalog, found};
    use super::*;

    fn of(first: &str, second: &str) -> Vec<String> {
        let path = format!(
            "format: orchestrate/v1\nkind: upgrade-path\nreleases: [{{app: 1.0.0}}, {{app: 1.1.0}}]\nrecommended:\n  \
             - {{migrations: [a], app: {first}}}\n  - {{migrations: [b], app: {second}}}\n"
        );
        let a = "format: orchestrate/v1\nkind: migration\nname: a\noperations: []\n";
        let b = "format: orchestrate/v1\nkind: migration\nname: b\ndepends_on: [a]\noperations: []\n";
        found(check, &catalog(&[("manifests/p/a.yaml", a), ("manifests/p/b.yaml", b), ("upgrade-paths/p.yaml", &path)]))
    }

    #[test]
    fn what_must_come_first_is_not_recommended_later() {
        assert_eq!(of("1.0.0", "1.1.0"), [""; 0]);
        assert_eq!(of("1.1.0", "1.1.0"), [""; 0]);
        assert_eq!(
            of("1.1.0", "1.0.0"),
            [
                "6: warning: b is recommended at 1.0.0, but a, which must come first, at 1.1.0 (recommend b at 1.1.0 or later)"
            ]
        );
    }
}
