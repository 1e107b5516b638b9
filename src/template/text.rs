//! Texts for people and programs: arguments, variables, URLs, messages. Values stand as they are, without quotes.

use minijinja::Output;
use minijinja::value::{Value, ValueKind};
use serde::Serialize;

use super::strict::{self, RenderError, refuse};

/// Renders a text that is no SQL. Nothing, lists and mappings have no form in it and are refused.
pub fn render_text(source: &str, context: &impl Serialize) -> Result<String, RenderError> {
    if !strict::is_template(source) {
        return Ok(source.to_owned());
    }
    let mut environment = strict::environment();
    // A name in a text is just a name; in SQL it is quoted.
    environment.add_filter("ident", |name: String| name);
    environment.set_formatter(|output, _, value| write(output, value));
    strict::run(environment, source, true, context)
}

fn write(output: &mut Output<'_>, value: &Value) -> Result<(), minijinja::Error> {
    match value.kind() {
        // An `if` without an `else` has no value, and writes none.
        ValueKind::Undefined => Ok(()),
        ValueKind::Bool => Ok(output.write_str(if value.is_true() { "true" } else { "false" })?),
        ValueKind::Number => Ok(write!(output, "{value}")?),
        ValueKind::None => Err(refuse("the value is null; say what to write then: {{ name or 'something' }}")),
        ValueKind::Seq | ValueKind::Iterable => Err(refuse("a list has no form here; use `join` or a `for`")),
        ValueKind::Map => Err(refuse("a mapping has no form here; name one of its keys")),
        ValueKind::String | ValueKind::Bytes | ValueKind::Plain | ValueKind::Invalid | _ => match value.as_str() {
            Some(text) => Ok(output.write_str(text)?),
            None => Err(refuse("the value has no form here")),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(source: &str) -> String {
        let context =
            json!({"vars": {"a": "o'b", "n": 5, "yes": true, "none": null, "list": [1, "x"], "map": {"k": 1}}});
        render_text(source, &context).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn values_stand_as_they_are() {
        assert_eq!(rendered("no template { at all }\n"), "no template { at all }\n");
        assert_eq!(rendered("{{ vars.a }} {{ vars.a | ident }} {{ vars.n }} {{ 1.5 }}"), "o'b o'b 5 1.5");
        assert_eq!(rendered("{{ vars.yes }} {{ not vars.yes }} {{ vars.none or 'x' }}"), "true false x");
        assert_eq!(rendered("a{{ 'b' if false }}c {{ vars.gone | default('d') }}"), "ac d");
        assert_eq!(rendered("{% for x in vars.list %}\n- {{ x }}\n{% endfor %}\n"), "- 1\n- x\n");
    }

    #[test]
    fn what_has_no_form_is_refused() {
        let fails = |source: &str, why: &str| {
            assert_eq!(rendered(source), format!("the template cannot be rendered: {why}"));
        };
        fails(
            "{{ vars.none }}",
            "`{{ vars.none }}`: the value is null; say what to write then: {{ name or 'something' }}",
        );
        fails("{{ vars.list }}", "`{{ vars.list }}`: a list has no form here; use `join` or a `for`");
        fails("{{ vars.map }}", "`{{ vars.map }}`: a mapping has no form here; name one of its keys");
        fails("{{ vars.gone }}", "`{{ vars.gone }}`: undefined value");
        fails("{{ vars.a | int }}", "`{{ vars.a | int }}`: invalid operation");
    }
}
