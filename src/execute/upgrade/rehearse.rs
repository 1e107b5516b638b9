//! What a procedure would send, without sending it: every text as it would be, secrets hidden.

use crate::model::{Action, BackfillChange, Expectation, Migration, Operation, Probe, Question, SliceBy, Template};
use crate::template::{Context, outputs_used, uses_item};

use super::super::site::{Site, Texts};

/// What an operation would send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// The operation.
    pub operation: String,
    /// What it is.
    pub kind: &'static str,
    /// The database that it goes to.
    pub target: Option<String>,
    /// What would be sent.
    pub text: String,
}

/// What every operation of a procedure would send, or why its text cannot be made.
pub fn rehearse(site: &Site, procedure: &Migration, texts: &Texts) -> Vec<Result<Rehearsed, String>> {
    procedure.operations.iter().map(|operation| one(site, operation, texts)).collect()
}

fn one(site: &Site, operation: &Operation, texts: &Texts) -> Result<Rehearsed, String> {
    let target = operation.target.as_deref();
    let context = site.context(texts, target, None);
    let rehearsal = Rehearsal { site, target, context };
    let (kind, mut text) = rehearsal.action(&operation.action)?;
    if let Some(when) = &operation.when {
        let when = rehearsal.asked(when)?.replace("\n-- expected: ", ", expected: ");
        text = format!("{}\n-- only where: {when}", text.trim_end());
    }
    let (operation, target) = (operation.name.clone(), operation.target.clone());
    Ok(Rehearsed { operation, kind, target, text: site.scrub.clean(text.trim_end()) })
}

struct Rehearsal<'a> {
    site: &'a Site,
    target: Option<&'a str>,
    context: Context,
}

impl Rehearsal<'_> {
    /// A statement. One that needs what is known only then stays as it is written.
    fn sql(&self, template: &Template) -> Result<String, String> {
        if is_known_later(&template.text) {
            return Ok(template.text.clone());
        }
        self.site.sql(template, self.target.unwrap_or_default(), &self.context)
    }

    fn text(&self, template: &Template) -> Result<String, String> {
        if is_known_later(&template.text) {
            return Ok(template.text.clone());
        }
        self.site.text(template, &self.context)
    }

    fn action(&self, action: &Action) -> Result<(&'static str, String), String> {
        Ok(match action {
            Action::Sql { sql } => ("statement", self.sql(sql)?),
            Action::ForEach { rows, sql } => {
                ("statement for each row", format!("{}\n-- for each row:\n{}", self.sql(rows)?, self.sql(sql)?))
            }
            Action::Copy { from, to, filter, is_final, by, .. } => {
                let last = if *is_final { ", final" } else { "" };
                ("copy", format!("{}{last}", self.copy(from, to, filter.as_ref(), by)?))
            }
            Action::Backfill { table, filter, change, by, .. } => {
                ("backfill", self.backfill(table, filter.as_ref(), change, by)?)
            }
            Action::Wait { probe, .. } if probe.expect == Expectation::True => {
                ("question until it is true", self.question(probe)?)
            }
            Action::Wait { probe, .. } => ("question until it is so", self.asked(probe)?),
            Action::Verify { probe } => ("question", self.asked(probe)?),
            Action::Command { argv, env, cwd } => {
                let words = self.words(argv);
                let env = env.iter().map(|(name, value)| Ok(format!("{name}={}", quoted(&self.text(value)?))));
                let line: Vec<String> = env.collect::<Result<_, String>>()?;
                let folder = cwd.as_ref().map(|cwd| self.text(cwd)).transpose()?;
                let folder = folder.map(|folder| format!("in {folder}: ")).unwrap_or_default();
                let line = line.into_iter().chain(words?).collect::<Vec<_>>().join(" ");
                ("command", format!("{folder}{line}"))
            }
            Action::Http { method, url, headers, body, .. } => {
                let mut lines = vec![format!("{method} {}", self.text(url)?)];
                for (name, value) in headers {
                    lines.push(format!("{name}: {}", self.text(value)?));
                }
                lines.extend(body.as_ref().map(|body| self.text(body)).transpose()?);
                ("call", lines.join("\n"))
            }
            Action::Manual { ask } => ("question to a person", self.text(ask)?),
        })
    }

    fn words(&self, argv: &[Template]) -> Result<Vec<String>, String> {
        argv.iter().map(|word| self.text(word).map(|word| quoted(&word))).collect()
    }

    /// What a probe asks.
    fn question(&self, probe: &Probe) -> Result<String, String> {
        Ok(match &probe.question {
            Question::Sql { target, sql } if is_known_later(&sql.text) => format!("{} -- {target}", sql.text),
            Question::Sql { target, sql } => self.site.sql(sql, target, &self.context)?,
            Question::Command { argv } => self.words(argv)?.join(" "),
            Question::Http { method, url, .. } => format!("{method} {}", self.text(url)?),
            Question::File { path } => format!("is {} there", self.text(path)?),
            Question::Value { text } => self.text(text)?,
        })
    }

    /// The same, with what is expected.
    fn asked(&self, probe: &Probe) -> Result<String, String> {
        let expect = match probe.expect.operand() {
            Some(operand) if is_known_later(operand) => probe.expect.clone(),
            Some(_) | None => self.site.expectation(&probe.expect, &self.context)?,
        };
        Ok(format!("{}\n-- expected: {expect}", self.question(probe)?.trim_end()))
    }

    fn copy(&self, from: &Template, to: &Template, filter: Option<&Template>, by: &SliceBy) -> Result<String, String> {
        let filter = filter.map(|filter| self.sql(filter)).transpose()?;
        let filter = filter.map(|filter| format!(" where {filter}")).unwrap_or_default();
        Ok(format!("from {} to {}, by {}{filter}", self.text(from)?, self.text(to)?, slice(by)))
    }

    fn backfill(
        &self,
        table: &Template,
        filter: Option<&Template>,
        change: &BackfillChange,
        by: &SliceBy,
    ) -> Result<String, String> {
        let filter = filter.map(|filter| self.sql(filter)).transpose()?;
        let filter = filter.map(|filter| format!(" where {filter}")).unwrap_or_default();
        let change = match change {
            BackfillChange::Set(set) => format!("set {}", self.sql(set)?),
            // Its bounds are known only then.
            BackfillChange::Sql(sql) => sql.text.clone(),
        };
        Ok(format!("{}, by {}{filter}: {change}", self.text(table)?, slice(by)))
    }
}

/// Whether a text needs a row or an output, which nobody has before.
fn is_known_later(text: &str) -> bool {
    uses_item(text) || !outputs_used(text).is_empty()
}

fn slice(by: &SliceBy) -> String {
    match by {
        SliceBy::Partition => "partition".to_owned(),
        SliceBy::Key(columns) => columns.join(", "),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
