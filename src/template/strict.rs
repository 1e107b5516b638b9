//! The one way in which texts of manifests are rendered: no name may be missing, no loop may run on, and only the filters
//! and tests that [`super::check()`] knows are there.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, filters, tests};
use serde::Serialize;
use thiserror::Error;

/// Instructions that one text may take: some 100,000 rounds of a small loop.
const FUEL: u64 = 1_000_000;

/// A template that cannot be rendered with its context; it holds no values of the context.
#[derive(Debug, Error)]
#[error("the template cannot be rendered: {0}")]
pub struct RenderError(String);

impl RenderError {
    pub(super) fn new(message: impl Into<String>) -> RenderError {
        RenderError(message.into())
    }

    /// What minijinja tells may quote values, so only the kind of the error and the template's own text are kept.
    pub(super) fn of(error: &Error, source: &str) -> RenderError {
        let refusal = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Refusal>());
        let what = match (refusal, error.detail()) {
            (Some(Refusal(reason)), _) => reason.clone(),
            (None, Some(detail)) if error.kind() == ErrorKind::SyntaxError => detail.to_owned(),
            (None, _) if error.kind() == ErrorKind::OutOfFuel => "a loop has no end, or far too many rounds".to_owned(),
            (None, _) => error.kind().to_string(),
        };
        match error.range().and_then(|range| tag_around(source, range.end)) {
            Some(tag) => RenderError(format!("`{tag}`: {what}")),
            None => RenderError(what),
        }
    }
}

/// A reason of ours, which quotes no value.
#[derive(Debug, Error)]
#[error("{0}")]
struct Refusal(String);

/// An error with a reason of ours, for filters and formatters.
pub(super) fn refuse(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, "refused").with_source(Refusal(reason.into()))
}

/// The `{{ … }}` or `{% … %}` that has a place inside or ends at it, as it is written.
fn tag_around(source: &str, at: usize) -> Option<&str> {
    let before = source.get(..at)?;
    let begin = before.rfind("{{").max(before.rfind("{%"))?;
    let close = if source[begin..].starts_with("{{") { "}}" } else { "%}" };
    let length = source[at..].find(close).filter(|_| !before[begin..].ends_with(close)).map_or(0, |end| end + 2);
    source.get(begin..at + length)
}

/// Whether a text is a template at all.
pub(super) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

/// An environment without `ident` and without a formatter.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("abs", filters::abs);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("default", filters::default);
    environment.add_filter("d", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("float", filters::float);
    environment.add_filter("from_json", from_json);
    environment.add_filter("int", filters::int);
    environment.add_filter("join", filters::join);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("round", filters::round);
    environment.add_filter("split", filters::split);
    environment.add_filter("string", filters::string);
    environment.add_filter("title", filters::title);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("none", tests::is_none);
    environment.add_test("true", tests::is_true);
    environment.add_test("false", tests::is_false);
    environment.add_test("number", tests::is_number);
    environment.add_test("string", tests::is_string);
    environment.add_test("in", tests::is_in);
    environment.add_test("eq", tests::is_eq);
    environment.add_test("ne", tests::is_ne);
    environment
}

/// A text of JSON as what it means.
fn from_json(text: String) -> Result<Value, Error> {
    let meant: serde_json::Value = serde_json::from_str(&text).map_err(|_| refuse("the text is no JSON"))?;
    Ok(Value::from(Serde(meant)))
}

/// Renders a text; `trims_blocks` takes the lines away that hold nothing but a block.
pub(super) fn run(
    mut environment: Environment<'_>,
    source: &str,
    trims_blocks: bool,
    context: &impl Serialize,
) -> Result<String, RenderError> {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(trims_blocks).lstrip_blocks(trims_blocks).keep_trailing_newline(true);
    let syntax = syntax.build().map_err(|error| RenderError::of(&error, source))?;
    environment.set_syntax(syntax);
    environment.render_str(source, Value::from(Serde(context))).map_err(|error| RenderError::of(&error, source))
}
