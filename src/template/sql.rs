//! Statements: every `{{ … }}` becomes a literal of the target's dialect, or a quoted name, and nothing else gets in.
//!
//! Values are put in after the template is rendered, and only where SQL stands. Within quotes and comments their own
//! quotes would end them, and next to a word or a quote they would become a part of it: both are refused.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Object, ObjectRepr, Value};
use serde::Serialize;

use crate::model::Engine;

use super::literal::{identifier, literal};
use super::region::{Region, is_word, region};
use super::strict::{self, RenderError, refuse};

/// Stands around the number of a value until it is put in. Unicode promises that it is no character of any text.
const MARK: char = '\u{fdd0}';
/// How much of a statement an error shows.
const SHOWN_CHARACTERS_MAX: usize = 40;

/// Renders a statement of a dialect. The text outside of `{{ … }}` is taken as it is.
pub fn render_sql(source: &str, engine: Engine, context: &impl Serialize) -> Result<String, RenderError> {
    if !strict::is_template(source) {
        return Ok(source.to_owned());
    }
    if source.contains(MARK) {
        return Err(RenderError::new("the character U+FDD0 may not stand in a statement"));
    }
    let pieces: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut environment = strict::environment();
    environment.add_filter("ident", name);
    let written = Arc::clone(&pieces);
    environment.set_formatter(move |output, _, value| {
        let piece = piece(value, engine).map_err(refuse)?;
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        write!(output, "{MARK}{}{MARK}", written.len())?;
        written.push(piece);
        Ok(())
    });
    let marked = strict::run(environment, source, false, context)?;
    let pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner);
    put_in(&marked, &pieces, engine)
}

/// A name on its way into a statement.
#[derive(Debug)]
struct Name(String);

impl Object for Name {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The filter `ident`.
fn name(value: &Value) -> Result<Value, minijinja::Error> {
    if value.downcast_object_ref::<Name>().is_some() {
        return Ok(value.clone());
    }
    if value.is_undefined() {
        return Err(refuse("undefined value"));
    }
    if value.as_str().is_none() && !value.is_integer() {
        return Err(refuse("only a text can be a name"));
    }
    Ok(Value::from_object(Name(value.to_string())))
}

fn piece(value: &Value, engine: Engine) -> Result<String, String> {
    let name = value.downcast_object_ref::<Name>().map(|name| name.0.as_str());
    if name.or(value.as_str()).is_some_and(|text| text.contains(MARK)) {
        return Err("a block that holds values is no value itself; join values with `~`".to_owned());
    }
    name.map_or_else(|| literal(value, engine), |name| identifier(name, engine))
}

/// Puts the values in where SQL stands.
fn put_in(marked: &str, pieces: &[String], engine: Engine) -> Result<String, RenderError> {
    let mut sql = String::with_capacity(marked.len());
    let (mut rest, mut before) = (marked, None);
    while !rest.is_empty() {
        if let Some((number, after)) = rest.strip_prefix(MARK).and_then(|rest| rest.split_once(MARK)) {
            let piece = number.parse().ok().and_then(|number: usize| pieces.get(number));
            let touches = |c: Option<char>| c.is_some_and(|c| is_word(c) || matches!(c, '\'' | '"' | '`' | MARK));
            if touches(before) || touches(after.chars().next()) {
                return Err(touching(&marked[..marked.len() - after.len()], after));
            }
            sql.push_str(piece.map_or("", String::as_str));
            (rest, before) = (after, Some(MARK));
            continue;
        }
        let (kind, length) = region(rest, before, engine);
        let (part, after) = rest.split_at(length);
        if kind != Region::Code && part.contains(MARK) {
            return Err(misplaced(kind, part));
        }
        sql.push_str(part);
        (rest, before) = (after, part.chars().next_back());
    }
    Ok(sql)
}

fn touching(upto: &str, after: &str) -> RenderError {
    let upto = shown(upto);
    let begin = upto.char_indices().rev().nth(SHOWN_CHARACTERS_MAX).map_or(0, |(at, _)| at);
    let next: String = shown(after).chars().take(1).collect();
    RenderError::new(format!(
        "a value touches the word or quote beside it, near `{}{next}`; \
         join inside of the braces: {{{{ 'a_' ~ value }}}}, for a name {{{{ ('a_' ~ value) | ident }}}}",
        &upto[begin..]
    ))
}

fn misplaced(region: Region, part: &str) -> RenderError {
    let part: String = shown(part).chars().take(SHOWN_CHARACTERS_MAX).collect();
    let (place, advice) = match region {
        Region::Quotes => {
            ("within quotes", "values bring their own: write {{ value }} without quotes, and join with `~`")
        }
        Region::Dollar => ("within `$$`", "write the statement without it, or the value outside of it"),
        Region::Comment | Region::Code => {
            ("within a comment", "write it in a comment of YAML or {# of the template #}")
        }
    };
    RenderError::new(format!("a value stands {place}, near `{part}`; {advice}"))
}

/// The text with `{{ … }}` where values stand.
fn shown(marked: &str) -> String {
    let parts = marked.split(MARK).enumerate();
    parts.map(|(index, part)| if index % 2 == 0 { part } else { "{{ … }}" }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use Engine::{ClickHouse, Postgres, Sqlite};

    fn on(engine: Engine, source: &str) -> String {
        let context = json!({"vars": {
            "name": "o'b", "path": "a\\'b", "nul": "a\0b", "n": 5, "low": -5, "half": 0.5, "less": -0.5, "big": u64::MAX,
            "yes": true, "none": null, "list": [1, 2], "map": {"k": "v"}, "dotted": "a.b", "quotes": "a\"b`c", "mark": "\u{fdd0}0\u{fdd0}",
            "long": "a".repeat(64), "empty": "", "break": "a\nDROP TABLE x",
        }});
        render_sql(source, engine, &context).unwrap_or_else(|error| error.to_string())
    }

    fn why(source: &str) -> String {
        let error = on(Postgres, source);
        error.strip_prefix("the template cannot be rendered: ").unwrap_or(&format!("rendered: {error}")).to_owned()
    }

    #[test]
    fn values_are_literals_of_the_dialect() {
        let all = "{{ vars.name }}, {{ vars.path }}, {{ vars.n }}, 1 -{{ vars.low }}, {{ vars.half }}, {{ vars.less }}, \
                   {{ vars.big }}, {{ vars.yes }}, {{ not vars.yes }}, {{ vars.none }}";
        let numbers = "5, 1 - -5, 0.5,  -0.5, 18446744073709551615";
        assert_eq!(on(ClickHouse, all), format!(r"'o\'b', 'a\\\'b', {numbers}, 1, 0, NULL"));
        assert_eq!(on(Postgres, all), format!(r"'o''b',  E'a\\''b', {numbers}, TRUE, FALSE, NULL"));
        assert_eq!(on(Sqlite, all), format!(r"'o''b', 'a\''b', {numbers}, 1, 0, NULL"));
        assert_eq!(on(ClickHouse, "{{ vars.nul }}"), r"'a\0b'");
        assert_eq!(why("{{ vars.nul }}"), "`{{ vars.nul }}`: the value holds a NUL, which no text of Postgres may");
        assert_eq!(on(Sqlite, "{{ vars.name ~ 1 }} {{ vars.name | upper }}"), "'o''b1' 'O''B'");
    }

    #[test]
    fn names_are_quoted_and_a_dot_is_a_part_of_them() {
        let names =
            "{{ vars.dotted | ident }}.{{ vars.quotes | ident }} {{ 5 | ident }} {{ ('x' ~ vars.n) | ident | ident }}";
        assert_eq!(on(ClickHouse, names), r#"`a.b`.`a"b\`c` `5` `x5`"#);
        assert_eq!(on(Postgres, names), r#""a.b"."a""b`c" "5" "x5""#);
        assert_eq!(on(Sqlite, names), r#"`a.b`.`a"b``c` `5` `x5`"#);
        assert_eq!(on(Postgres, "{{ vars.name | ident ~ 'x' }}"), "'o''bx'");
        assert_eq!(why("{{ vars.empty | ident }}"), "`{{ vars.empty | ident }}`: a name is empty");
        assert_eq!(why("{{ vars.nul | ident }}"), "`{{ vars.nul | ident }}`: a name holds a NUL");
        assert_eq!(why("{{ vars.list | ident }}"), "`{{ vars.list | ident }}`: only a text can be a name");
        let long = "`{{ vars.long | ident }}`: a name has 64 bytes, and Postgres cuts names off after 63";
        assert_eq!(why("{{ vars.long | ident }}"), long);
    }

    #[test]
    fn the_text_around_is_taken_as_it_is() {
        let sql = "SELECT 'it''s', \"a\" -- b\n, $$ c $$, '{replica}-{shard}' /* d */ WHERE a = ";
        assert_eq!(on(Postgres, &format!("{sql}1\n")), format!("{sql}1\n"));
        assert_eq!(on(Postgres, &format!("{sql}{{{{ vars.n }}}}\n")), format!("{sql}5\n"));
        let blocks = "SELECT 1{% if vars.yes %}, {{ vars.n }}{% endif %}{% set t = 'x' ~ vars.n %}\n\
                      FROM {{ t | ident }} WHERE a IN ({% for x in vars.list %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %})";
        assert_eq!(on(Postgres, blocks), "SELECT 1, 5\nFROM \"x5\" WHERE a IN (1, 2)");
        assert_eq!(
            on(Postgres, "a = $1 AND {{ vars.n }} = a$b$ AND E'\\'' <> {{ vars.n }}"),
            "a = $1 AND 5 = a$b$ AND E'\\'' <> 5"
        );
    }

    #[test]
    fn a_value_stands_only_where_sql_stands() {
        let quotes = "; values bring their own: write {{ value }} without quotes, and join with `~`";
        assert_eq!(why("a = '{{ vars.name }}'"), format!("a value stands within quotes, near `'{{{{ … }}}}'`{quotes}"));
        assert_eq!(
            why("a = \"x{{ vars.name }}\""),
            format!("a value stands within quotes, near `\"x{{{{ … }}}}\"`{quotes}")
        );
        assert_eq!(
            why("E'\\'{{ vars.n }}'"),
            format!("a value stands within quotes, near `E'\\'{{{{ … }}}}'`{quotes}")
        );
        let comment = "; write it in a comment of YAML or {# of the template #}";
        assert_eq!(
            why("1 -- {{ vars.break }}"),
            format!("a value stands within a comment, near `-- {{{{ … }}}}`{comment}")
        );
        assert_eq!(
            why("/* /* */ {{ vars.n }} */"),
            format!("a value stands within a comment, near `/* /* */ {{{{ … }}}} */`{comment}")
        );
        assert!(
            why("DO $x$ SELECT {{ vars.n }} $x$")
                .starts_with("a value stands within `$$`, near `$x$ SELECT {{ … }} $x$`")
        );
        for (engine, sql) in
            [(ClickHouse, "# {{ vars.n }}"), (Sqlite, "[{{ vars.n }}]"), (ClickHouse, "'\\'{{ vars.n }}'")]
        {
            assert!(on(engine, sql).contains("a value stands within"), "{sql}");
        }
    }

    #[test]
    fn a_value_is_no_part_of_a_word() {
        let advice = "join inside of the braces: {{ 'a_' ~ value }}, for a name {{ ('a_' ~ value) | ident }}";
        let touching = |near: &str| format!("a value touches the word or quote beside it, near `{near}`; {advice}");
        assert_eq!(why("DROP TABLE events_{{ vars.n }}"), touching("DROP TABLE events_{{ … }}"));
        assert_eq!(why("{{ vars.name }}{{ vars.name }} x"), touching("{{ … }}{"));
        assert_eq!(why("INTERVAL {{ vars.n }}s"), touching("INTERVAL {{ … }}s"));
        assert_eq!(why("'a'{{ vars.name }}"), touching("'a'{{ … }}"));
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        assert!(why("{{ vars.list }}").starts_with("`{{ vars.list }}`: a list is no literal; write `IN ("));
        assert_eq!(why("{{ vars.map }}"), "`{{ vars.map }}`: a mapping is no literal; name one of its keys");
        assert_eq!(why("{{ 'x' if false }}"), "`{{ 'x' if false }}`: it has no value; add an `else`");
        assert_eq!(why("{{ 1e308 * 10 }}"), "`{{ 1e308 * 10 }}`: the number is infinite, or none at all");
        assert_eq!(why("{{ vars.gone | ident }}"), "`{{ vars.gone | ident }}`: undefined value");
        assert_eq!(why("{{ vars.gone }}"), "`{{ vars.gone }}`: undefined value");
    }

    #[test]
    fn nothing_gets_raw_text_into_a_statement() {
        for filter in ["safe", "escape", "e", "tojson", "format"] {
            assert_eq!(
                why(&format!("{{{{ vars.name | {filter} }}}}")),
                format!("`{{{{ vars.name | {filter} }}}}`: unknown filter")
            );
        }
        let block = "a block that holds values is no value itself; join values with `~`";
        assert_eq!(why("{% set x %}{{ vars.name }}{% endset %}{{ x }}"), format!("`{{{{ x }}}}`: {block}"));
        assert_eq!(why("{% set x %}DROP{% endset %}{{ x }}"), "rendered: 'DROP'");
        assert_eq!(why("{% filter upper %}drop{% endfilter %}"), "rendered: 'DROP'");
        assert_eq!(why("{% autoescape 'none' %}{{ vars.name }}{% endautoescape %}"), "rendered: 'o''b'");
        assert_eq!(why("{{ vars.mark }}"), format!("`{{{{ vars.mark }}}}`: {block}"));
        assert_eq!(why("\u{fdd0}0\u{fdd0} {{ 1 }}"), "the character U+FDD0 may not stand in a statement");
    }

    #[test]
    fn a_loop_without_end_is_ended() {
        let loops = "{% for a in 'x' * 9999 %}{% for b in 'x' * 9999 %}{% endfor %}{% endfor %}";
        assert_eq!(why(loops).split(": ").last(), Some("a loop has no end, or far too many rounds"));
    }
}
