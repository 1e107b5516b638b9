//! What a template uses: rows, outputs, variables of the environment.

use std::collections::BTreeSet;

use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;

use super::check::{Names, Walk};

/// Whether a template takes something from the row of a `for_each`.
pub fn uses_item(text: &str) -> bool {
    used(text).uses_item
}

/// The operations whose output a template uses.
pub fn outputs_used(text: &str) -> BTreeSet<String> {
    used(text).outputs
}

/// The variables of the environment without which a template cannot be rendered.
pub fn vars_needed(text: &str) -> BTreeSet<String> {
    let walk = used(text);
    walk.vars.difference(&walk.optional_vars).cloned().collect()
}

/// What a template uses.
fn used(text: &str) -> Walk<'_> {
    let mut walk = Walk::new(Names { item: true, ..Names::default() });
    if super::strict::is_template(text)
        && let Ok(root) = parse(text, "template", SyntaxConfig::default())
    {
        walk.statement(&root);
    }
    walk
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(found: BTreeSet<String>) -> String {
        found.into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_may_be_missing_is_not_needed() {
        let needed = |text| words(vars_needed(text));
        assert_eq!(needed("{{ vars.a }} {{ vars['b'] }} {{ vars.c | default('x') }} {{ vars.d | upper }}"), "a b d");
        assert_eq!(needed("{% if vars.a is defined %}{{ vars.a }}{% endif %}{{ vars.b }}"), "b");
        assert_eq!(needed("{% set vars = {'a': 1} %}{{ vars.a }}"), "");
        assert_eq!(needed("no template"), "");
    }

    #[test]
    fn outputs_are_named_by_their_operations() {
        let used = |text| words(outputs_used(text));
        assert_eq!(used("{{ outputs['a-b'] }} {{ (outputs[\"c\"] or '[]') | from_json }} {{ outputs.d }}"), "a-b c d");
        assert_eq!(used("{{ outputs['a'] | default('') }}"), "a");
    }
}
