//! A progress that divides by what may be zero.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Finding, Progress, Severity};

use crate::sql::token::{self, Kind, Token, depths, read};

pub(super) const RULE: Rule = Rule {
    name: "progress-division",
    summary: "a progress that divides by what may be zero",
    explanation: "An empty table is a size like any other. Where the progress is computed by a division, Postgres answers \
                  with an error, SQLite with NULL, ClickHouse with a number that is none. Give the two counts as `done` and \
                  `total`, and the program divides where it can. The example in PostHog's handbook divides by the rows of \
                  the new table, which has none at first.",
};

/// Functions that never give zero for what they are meant for, or give NULL instead.
const GUARDS: [&str; 6] = ["nullif", "greatest", "if", "iif", "multiif", "case"];
/// Functions around an expression that is decided elsewhere: a division inside is guarded as well.
const AROUND: [&str; 5] = ["if", "iif", "multiif", "case", "ifnotfinite"];
/// Functions that leave a zero a zero.
const WRAPPERS: [&str; 6] = ["cast", "float8", "abs", "round", "ceil", "floor"];
/// Functions that divide their first argument by their second.
const DIVISIONS: [&str; 5] = ["intdiv", "modulo", "mod", "divide", "div"];

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for migration in catalog.migrations() {
        let Some(Progress::Percent { target, sql }) = &migration.progress else { continue };
        let tokens = read(sql, catalog.engine(target));
        if let Some(divisor) = unguarded_divisor(&tokens) {
            let message = format!("the progress of {} divides by {divisor}, which may be zero", migration.name);
            let hint = "give the two counts as `done` and `total` instead of `sql`";
            findings.push(Finding::new(RULE.name, Severity::Warning, sql.place.clone(), message).hint(hint));
        }
    }
}

/// The first divisor that may be zero, shortened.
fn unguarded_divisor(tokens: &[Token<'_>]) -> Option<String> {
    let mut around: Vec<bool> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let function = at.checked_sub(1).map(|before| &tokens[before]);
        if token.is_symbol("(") {
            around.push(function.is_some_and(|function| function.is_one_of(&AROUND)));
        } else if token.is_symbol(")") {
            around.pop();
        } else if token.is_word("CASE") {
            around.push(true);
        } else if token.is_word("END") {
            around.pop();
        }
        if around.contains(&true) {
            continue;
        }
        let divisor = if token.is_symbol("/") || token.is_symbol("%") {
            &tokens[at + 1..]
        } else if token.is_symbol("(") && function.is_some_and(|function| function.is_one_of(&DIVISIONS)) {
            second_argument(&tokens[at + 1..])
        } else {
            continue;
        };
        if !divisor.is_empty() && may_be_zero(divisor) {
            return Some(shown(divisor));
        }
    }
    None
}

/// What follows the first comma of a call's own.
fn second_argument<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    let comma = tokens.iter().zip(depths(tokens)).position(|(token, depth)| depth == 0 && token.is_symbol(","));
    comma.map_or(&[], |comma| &tokens[comma + 1..])
}

fn may_be_zero(divisor: &[Token<'_>]) -> bool {
    match divisor {
        [first, rest @ ..] if first.is_symbol("(") => !is_raised(rest) && may_be_zero(rest),
        [first, rest @ ..] if first.is_word("SELECT") => may_be_zero(rest),
        [first, ..] if first.is_one_of(&GUARDS) => false,
        [dot, fraction, ..] if dot.is_symbol(".") && fraction.kind == Kind::Number => is_zero(fraction.text),
        [first, ..] if first.kind == Kind::Number => is_zero(first.text),
        [first, open, rest @ ..] if open.is_symbol("(") && is_wrapper(first) => may_be_zero(rest),
        _ => true,
    }
}

fn is_wrapper(token: &Token<'_>) -> bool {
    token.is_one_of(&WRAPPERS) || (token.kind == Kind::Word && token.text.starts_with("to"))
}

fn is_zero(number: &str) -> bool {
    number.parse::<f64>().is_ok_and(|number| number == 0.0)
}

/// Whether a number is added within the parentheses that were just opened: `(count() + 1)`.
fn is_raised(inside: &[Token<'_>]) -> bool {
    let depths = depths(inside);
    let end = inside.iter().zip(&depths).position(|(token, depth)| *depth == 0 && token.is_symbol(")"));
    let inside = &inside[..end.unwrap_or(inside.len())];
    (0..inside.len()).any(|at| match &inside[at..] {
        [plus, number, ..] => {
            depths[at] == 0 && plus.is_symbol("+") && number.kind == Kind::Number && !is_zero(number.text)
        }
        _ => false,
    })
}

/// The beginning of the divisor, for the message.
fn shown(divisor: &[Token<'_>]) -> String {
    const TOKENS_MAX: usize = 10;
    let ends = |(token, depth): (&Token<'_>, &usize)| {
        *depth == 0 && (token.is_symbol(")") || token.is_symbol(",") || token.is_one_of(&["FROM", "AS"]))
    };
    let length = divisor.iter().zip(&depths(divisor)).position(ends).unwrap_or(divisor.len());
    let text = token::shown(&divisor[..length.min(TOKENS_MAX)]);
    if length > TOKENS_MAX { format!("`{text} …`") } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, migration};
    use super::*;

    fn of(sql: &str) -> Vec<String> {
        let text = format!("progress:\n  target: clickhouse\n  sql: |\n    {sql}\noperations: []\n");
        found(check, &migration(&text))
    }

    #[test]
    fn a_divisor_that_may_be_zero() {
        assert_eq!(
            of("SELECT 100 * (SELECT count() FROM b) / (SELECT count() FROM a)"),
            [
                "7: warning: the progress of m divides by `(SELECT count() FROM a)`, which may be zero (give the two counts as \
              `done` and `total` instead of `sql`)"
            ]
        );
        for sql in [
            "SELECT 100 * done / total FROM x",
            "SELECT intDiv(done * 100, total) FROM x",
            "SELECT modulo(1, (SELECT count() FROM a))",
            "SELECT 100 * done / toFloat64(total) FROM x",
            "SELECT greatest(0, done / total) FROM x",
            "SELECT done / 0",
            "SELECT a % b",
            "SELECT if(total = 0, 1, 2) * done / total",
        ] {
            assert_eq!(of(sql).len(), 1, "{sql}");
        }
    }

    #[test]
    fn a_divisor_that_cannot_be_zero() {
        for sql in [
            "SELECT done / 100",
            "SELECT done / .5",
            "SELECT done / greatest(1, total)",
            "SELECT done / NULLIF(total, 0)",
            "SELECT done / (SELECT greatest(count(), 1) FROM x)",
            "SELECT done / toFloat64(nullIf(total, 0))",
            "SELECT done / (count() + 1)",
            "SELECT if(total = 0, 100, done / total)",
            "SELECT CASE WHEN total = 0 THEN 100 ELSE 100 * done / total END",
            "SELECT intDiv(done, 100), '1 / x' -- a / b",
        ] {
            assert_eq!(of(sql), [""; 0], "{sql}");
        }
        let counts = "progress: {target: clickhouse, done: SELECT 1, total: SELECT 2}\noperations: []\n";
        assert_eq!(found(check, &migration(counts)), [""; 0]);
    }
}
