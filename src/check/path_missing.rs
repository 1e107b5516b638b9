//! Migrations of a product that has no releases.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Finding, Severity, nearest};

pub(super) const RULE: Rule = Rule {
    name: "path-missing",
    summary: "migrations of a product without an upgrade path",
    explanation: "The folder under manifests/ is the product's name, and upgrade-paths/<product>.yaml lists its releases. \
                  Where the two names differ, a plan of the path would silently leave the migrations out.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    let with_path = || catalog.products.values().filter(|product| !product.releases.is_empty());
    for product in catalog.products.values().filter(|product| product.releases.is_empty()) {
        let Some(first) = product.migrations.values().next() else { continue };
        let message = format!("the product `{}` has migrations, and no upgrade path lists its releases", product.name);
        let hint = match nearest(product.name.as_str(), with_path().map(|product| product.name.as_str())) {
            Some(near) => format!("did you mean the folder manifests/{near}?"),
            None => format!("add upgrade-paths/{}.yaml", product.name),
        };
        findings.push(Finding::new(RULE.name, Severity::Error, first.place.clone(), message).hint(hint));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{catalog, found};
    use super::*;

    const MIGRATION: &str = "format: orchestrate/v1\nkind: migration\nname: m\noperations: []\n";
    const PATH: &str = "format: orchestrate/v1\nkind: upgrade-path\nreleases: [{app: 1.0.0}]\n";

    #[test]
    fn a_folder_with_another_name_is_found() {
        assert_eq!(
            found(check, &catalog(&[("manifests/shelv/m.yaml", MIGRATION), ("upgrade-paths/shelf.yaml", PATH)])),
            ["1: error: the product `shelv` has migrations, and no upgrade path lists its releases (did you mean the \
              folder manifests/shelf?)"]
        );
        assert_eq!(
            found(check, &catalog(&[("manifests/shelf/m.yaml", MIGRATION), ("upgrade-paths/shelf.yaml", PATH)])),
            [""; 0]
        );
    }
}
