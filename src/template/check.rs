//! What is wrong with a template before it is rendered: its syntax, and every name that will not be there.

use std::collections::BTreeSet;
use std::ops::Range;

use minijinja::machinery::{ast, parse};
use minijinja::syntax::SyntaxConfig;

use crate::model::{did_you_mean, nearest};

/// The names that a template may use, besides `vars` and `step`, and in procedures `target` and `run`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// The declared parameters.
    pub params: &'a [String],
    /// Whether `item` is there: in `for_each` and its undo.
    pub item: bool,
    /// Whether `value` is there: in the message of a probe.
    pub value: bool,
    /// The operations whose `outputs` are there.
    pub outputs: &'a [String],
    /// Whether it is a text of a plan, which knows only `vars` and `step`.
    pub is_of_plan: bool,
}

/// One problem, at a byte range of the template's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub range: Range<usize>,
    /// Whether the text cannot be parsed at all.
    pub is_syntax: bool,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

const TARGET: &[&str] = &["name", "database", "cluster"];
const STEP: &[&str] = &["number", "app", "chart", "image_override", "image_tag", "from_app", "from_chart"];
const RUN: &[&str] = &["id", "started"];
const FILTERS: &[&str] = &[
    "abs",
    "capitalize",
    "default",
    "d",
    "first",
    "float",
    "from_json",
    "ident",
    "int",
    "join",
    "last",
    "length",
    "lower",
    "replace",
    "round",
    "split",
    "string",
    "title",
    "trim",
    "upper",
];
const TESTS: &[&str] = &["defined", "undefined", "none", "true", "false", "number", "string", "in", "eq", "ne"];

/// Every problem of a template. A text without `{` is never one.
pub fn check(text: &str, names: Names<'_>) -> Vec<Problem> {
    if !super::strict::is_template(text) {
        return Vec::new();
    }
    match parse(text, "template", SyntaxConfig::default()) {
        Ok(root) => {
            let mut walk = Walk::new(names);
            walk.statement(&root);
            walk.problems
        }
        Err(error) => {
            let message = error.detail().unwrap_or("the template cannot be parsed").to_owned();
            let hint = Some(syntax_hint(&message).to_owned());
            let comment = text.rfind("{#").filter(|_| message.contains("comment")).map(|at| at..at + 2);
            let range = comment.or(error.range()).unwrap_or(0..text.len());
            vec![Problem { range, is_syntax: true, message, hint }]
        }
    }
}

/// What mostly causes an error of the template's parser.
fn syntax_hint(message: &str) -> &'static str {
    if message.contains("comment") {
        "close the comment with `#}`; a literal `{#` is written `{{ '{#' }}`"
    } else if message.contains("unknown statement") {
        "statements are if, for, set, with and filter; a literal `{%` is written `{{ '{%' }}`"
    } else if message.contains("end of input") {
        "is a `}}`, an `{% endif %}` or an `{% endfor %}` missing?"
    } else if message.contains("end of variable block") {
        "is a `}}` missing, or is something missing between the braces? a literal `{{` is written `{{ '{{' }}`"
    } else {
        "a literal `{{` is written `{{ '{{' }}`"
    }
}

/// A walk through a template: what is wrong with it, and what it uses.
pub(super) struct Walk<'a> {
    names: Names<'a>,
    locals: Vec<BTreeSet<String>>,
    problems: Vec<Problem>,
    pub uses_item: bool,
    /// The operations whose output is used.
    pub outputs: BTreeSet<String>,
    /// The variables that are used.
    pub vars: BTreeSet<String>,
    /// Those of them that may be missing.
    pub optional_vars: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    pub fn new(names: Names<'a>) -> Walk<'a> {
        Walk {
            names,
            locals: Vec::new(),
            problems: Vec::new(),
            uses_item: false,
            outputs: BTreeSet::new(),
            vars: BTreeSet::new(),
            optional_vars: BTreeSet::new(),
        }
    }
}

impl Walk<'_> {
    fn problem(&mut self, span: minijinja::machinery::Span, message: String, hint: Option<String>) {
        let range = span.start_offset as usize..span.end_offset as usize;
        self.problems.push(Problem { range, is_syntax: false, message, hint });
    }

    fn statements(&mut self, statements: &[ast::Stmt<'_>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    pub fn statement(&mut self, statement: &ast::Stmt<'_>) {
        match statement {
            ast::Stmt::Template(template) => self.scoped(&template.children),
            ast::Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            ast::Stmt::EmitRaw(_) => {}
            ast::Stmt::ForLoop(each) => {
                self.expression(&each.iter);
                self.locals.push(BTreeSet::from(["loop".to_owned()]));
                self.bind(&each.target);
                each.filter_expr.iter().for_each(|filter| self.expression(filter));
                self.statements(&each.body);
                self.locals.pop();
                self.statements(&each.else_body);
            }
            ast::Stmt::IfCond(condition) => {
                self.expression(&condition.expr);
                self.statements(&condition.true_body);
                self.statements(&condition.false_body);
            }
            ast::Stmt::WithBlock(with) => {
                with.assignments.iter().for_each(|(_, value)| self.expression(value));
                self.locals.push(BTreeSet::new());
                with.assignments.iter().for_each(|(target, _)| self.bind(target));
                self.statements(&with.body);
                self.locals.pop();
            }
            ast::Stmt::Set(set) => {
                self.expression(&set.expr);
                self.bind(&set.target);
            }
            ast::Stmt::SetBlock(set) => {
                set.filter.iter().for_each(|filter| self.expression(filter));
                self.scoped(&set.body);
                self.bind(&set.target);
            }
            ast::Stmt::AutoEscape(escape) => {
                let hint = "delete the block; values are quoted for the target's dialect anyway".to_owned();
                self.problem(escape.span(), "`autoescape` is not allowed".to_owned(), Some(hint));
            }
            ast::Stmt::FilterBlock(filter) => {
                self.expression(&filter.filter);
                self.statements(&filter.body);
            }
            ast::Stmt::Do(call) => self.expression(&call.call.expr),
        }
    }

    /// Statements whose assignments end with them.
    fn scoped(&mut self, body: &[ast::Stmt<'_>]) {
        self.locals.push(BTreeSet::new());
        self.statements(body);
        self.locals.pop();
    }

    /// Names on the left of an assignment.
    fn bind(&mut self, target: &ast::Expr<'_>) {
        let mut names = Vec::new();
        bound_names(target, &mut names);
        if let Some(scope) = self.locals.last_mut() {
            scope.extend(names);
        }
    }

    fn expression(&mut self, expression: &ast::Expr<'_>) {
        match expression {
            ast::Expr::Var(name) => self.variable(name.id, name.span()),
            ast::Expr::Const(_) => {}
            ast::Expr::GetAttr(attribute) => self.attribute(&attribute.expr, attribute.name, attribute.span()),
            ast::Expr::GetItem(item) => {
                let key = if let ast::Expr::Const(key) = &item.subscript_expr { key.value.as_str() } else { None };
                match key {
                    Some(key) => self.attribute(&item.expr, key, item.span()),
                    None => self.expression(&item.expr),
                }
                self.expression(&item.subscript_expr);
            }
            ast::Expr::Filter(filter) => self.filter(filter, filter.span()),
            ast::Expr::Test(test) => {
                self.known("test", test.name, TESTS, test.span());
                if matches!(test.name, "defined" | "undefined") {
                    self.may_be_missing(&test.expr);
                } else {
                    self.expression(&test.expr);
                }
                self.arguments(&test.args);
            }
            ast::Expr::Slice(slice) => {
                self.expression(&slice.expr);
                [&slice.start, &slice.stop, &slice.step].into_iter().flatten().for_each(|part| self.expression(part));
            }
            ast::Expr::UnaryOp(operation) => self.expression(&operation.expr),
            ast::Expr::BinOp(operation) => {
                self.expression(&operation.left);
                self.expression(&operation.right);
            }
            ast::Expr::Compare(compare) => {
                self.expression(&compare.expr);
                compare.ops.iter().for_each(|operation| self.expression(&operation.expr));
            }
            ast::Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr);
                self.expression(&choice.true_expr);
                choice.false_expr.iter().for_each(|other| self.expression(other));
            }
            ast::Expr::Call(call) => {
                let hint = "values are changed by filters: {{ params.name | upper }}".to_owned();
                self.problem(call.span(), "functions cannot be called in a manifest".to_owned(), Some(hint));
            }
            ast::Expr::List(list) => list.items.iter().for_each(|item| self.expression(item)),
            ast::Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expression(item)),
            ast::Expr::Map(map) => {
                map.keys.iter().chain(&map.values).for_each(|part| self.expression(part));
            }
        }
    }

    /// `x | default(y)` is the one place where `x` may be missing.
    fn filter(&mut self, filter: &ast::Filter<'_>, span: minijinja::machinery::Span) {
        self.known("filter", filter.name, FILTERS, span);
        if let Some(inner) = &filter.expr {
            match filter.name {
                "default" | "d" => self.may_be_missing(inner),
                _ => self.expression(inner),
            }
        }
        self.arguments(&filter.args);
    }

    /// Something that may be missing where it stands; of `outputs` that it has not come to be yet.
    fn may_be_missing(&mut self, expression: &ast::Expr<'_>) {
        let (of, name) = match attribute_of(expression) {
            Some((of, name)) => (of, name),
            None => return self.expression(expression),
        };
        match of {
            "vars" => drop(self.optional_vars.insert(name.to_owned())),
            "outputs" => self.expression(expression),
            _ => {}
        }
    }

    fn arguments(&mut self, arguments: &[ast::CallArg<'_>]) {
        for argument in arguments {
            match argument {
                ast::CallArg::Pos(value)
                | ast::CallArg::Kwarg(_, value)
                | ast::CallArg::PosSplat(value)
                | ast::CallArg::KwargSplat(value) => self.expression(value),
            }
        }
    }

    fn known(&mut self, what: &str, name: &str, known: &[&str], span: minijinja::machinery::Span) {
        if !known.contains(&name) {
            let hint = did_you_mean(name, known.iter().copied(), || format!("known are: {}", known.join(", ")));
            self.problem(span, format!("there is no {what} `{name}`"), Some(hint));
        }
    }

    fn variable(&mut self, name: &str, span: minijinja::machinery::Span) {
        let global: &[&str] = if self.names.is_of_plan {
            &["vars", "step"]
        } else {
            &["params", "vars", "target", "step", "run", "outputs"]
        };
        let is_local = self.locals.iter().any(|scope| scope.contains(name));
        self.uses_item |= name == "item" && !is_local;
        if is_local || global.contains(&name) || (name == "item" && self.names.item) {
            return;
        }
        match name {
            "value" if self.names.value => {}
            "item" => {
                let hint = "only `for_each` and its undo have an `item`".to_owned();
                self.problem(span, "`item` is undefined here".to_owned(), Some(hint));
            }
            "value" => {
                let hint = "only the `message` of a probe has a `value`".to_owned();
                self.problem(span, "`value` is undefined here".to_owned(), Some(hint));
            }
            _ => {
                let hint = match self.names.params.iter().find(|param| *param == name) {
                    Some(param) => format!("write `params.{param}`"),
                    None => {
                        let here = [("item", self.names.item), ("value", self.names.value)];
                        let here = here.into_iter().filter(|(_, is_here)| *is_here).map(|(name, _)| name);
                        let known: Vec<&str> = global.iter().copied().chain(here).collect();
                        did_you_mean(name, known.iter().copied(), || format!("known are: {}", known.join(", ")))
                    }
                };
                self.problem(span, format!("`{name}` is undefined"), Some(hint));
            }
        }
    }

    fn attribute(&mut self, of: &ast::Expr<'_>, name: &str, span: minijinja::machinery::Span) {
        let ast::Expr::Var(variable) = of else { return self.expression(of) };
        let params: Vec<&str> = self.names.params.iter().map(String::as_str).collect();
        let outputs: Vec<&str> = self.names.outputs.iter().map(String::as_str).collect();
        let is_global = !self.locals.iter().any(|scope| scope.contains(variable.id));
        match variable.id {
            "vars" if is_global => drop(self.vars.insert(name.to_owned())),
            "outputs" if is_global => drop(self.outputs.insert(name.to_owned())),
            _ => {}
        }
        let known = match variable.id {
            "outputs" => outputs.as_slice(),
            "params" => params.as_slice(),
            "target" => TARGET,
            "step" => STEP,
            "run" => RUN,
            _ => return self.expression(of),
        };
        if !known.contains(&name) {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{}.{near}`?", variable.id),
                None if variable.id == "params" => format!("declare `{name}` under `parameters`"),
                None if variable.id == "outputs" => {
                    "`outputs` has what earlier operations of the kinds command, wait and verify printed or were answered"
                        .to_owned()
                }
                None => format!("`{}` has: {}", variable.id, known.join(", ")),
            };
            self.problem(span, format!("`{}.{name}` is undefined", variable.id), Some(hint));
        }
    }
}

/// The two names of `a.b` or `a["b"]`.
fn attribute_of<'e>(expression: &'e ast::Expr<'e>) -> Option<(&'e str, &'e str)> {
    if let ast::Expr::GetAttr(attribute) = expression
        && let ast::Expr::Var(variable) = &attribute.expr
    {
        return Some((variable.id, attribute.name));
    }
    if let ast::Expr::GetItem(item) = expression
        && let (ast::Expr::Var(variable), ast::Expr::Const(key)) = (&item.expr, &item.subscript_expr)
    {
        return Some((variable.id, key.value.as_str()?));
    }
    None
}

fn bound_names(target: &ast::Expr<'_>, names: &mut Vec<String>) {
    let items = match target {
        ast::Expr::Var(name) => return names.push(name.id.to_owned()),
        ast::Expr::List(list) => &list.items,
        ast::Expr::Tuple(tuple) => &tuple.items,
        ast::Expr::Const(_)
        | ast::Expr::Slice(_)
        | ast::Expr::UnaryOp(_)
        | ast::Expr::BinOp(_)
        | ast::Expr::Compare(_)
        | ast::Expr::IfExpr(_)
        | ast::Expr::Filter(_)
        | ast::Expr::Test(_)
        | ast::Expr::GetAttr(_)
        | ast::Expr::GetItem(_)
        | ast::Expr::Call(_)
        | ast::Expr::Map(_) => return,
    };
    items.iter().for_each(|item| bound_names(item, names));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str, item: bool) -> Vec<(String, String)> {
        let params = ["TEAM_ID".to_owned()];
        let problems = check(text, Names { params: &params, item, ..Names::default() });
        problems.into_iter().map(|problem| (text[problem.range].to_owned(), problem.message)).collect()
    }

    #[test]
    fn known_names_pass() {
        let text = "{% if params.TEAM_ID is not none %}{{ params.TEAM_ID }}{% endif %} {{ vars.any | default('x') | ident }} \
                    {% for row in [1, 2] %}{{ row }} {{ loop.index }}{% endfor %}{{ target.database }} {{ run.id }}";
        assert_eq!(messages(text, false), []);
        assert_eq!(messages("{{ item.partition }}", true), []);
        assert_eq!(messages("no template { at all }", false), []);
    }

    #[test]
    fn undefined_names_are_placed() {
        let found = |text: &str| messages(text, false);
        let one = |range: &str, message: &str| vec![(range.to_owned(), message.to_owned())];
        assert_eq!(found("a {{ params.TEAM }} b"), one("params.TEAM", "`params.TEAM` is undefined"));
        assert_eq!(found("{{ TEAM_ID }}"), one("TEAM_ID", "`TEAM_ID` is undefined"));
        assert_eq!(found("{{ item.x }}"), one("item", "`item` is undefined here"));
        assert_eq!(found("{{ target.url }}"), one("target.url", "`target.url` is undefined"));
        assert_eq!(found("{{ run['idd'] }}"), one("run['idd']", "`run.idd` is undefined"));
        assert_eq!(found("{{ run.id | quote }}").len(), 1);
    }

    #[test]
    fn syntax_errors_are_placed() {
        let problems = check("a {{ params.TEAM_ID ", Names::default());
        assert_eq!(problems.len(), 1);
        assert!(problems[0].is_syntax);
    }

    /// What is checked at load is what rendering has, no more and no less.
    #[test]
    fn every_filter_and_test_that_is_known_is_there() {
        let environment = crate::template::strict::environment();
        let missing = |kind: &str, names: &[&str], source: fn(&str) -> String| {
            let is_missing = |name: &&&str| {
                let rendered = environment.render_str(&source(name), ());
                rendered.is_err_and(|error| error.to_string().contains(kind))
            };
            names.iter().filter(is_missing).map(|name| (*name).to_owned()).collect::<Vec<String>>()
        };
        assert_eq!(missing("unknown filter", FILTERS, |name| format!("{{{{ 'a' | {name} }}}}")), ["ident"]);
        assert_eq!(missing("unknown test", TESTS, |name| format!("{{{{ 'a' is {name}('a') }}}}")), [""; 0]);
    }
}
