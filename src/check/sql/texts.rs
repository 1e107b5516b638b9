//! Every SQL text of a catalog with the database it is for, and words for where it stands.

use crate::model::{
    Action, BackfillChange, Catalog, Engine, Migration, Operation, Probe, Progress, Question, Template,
};

/// A text that is sent to a database.
pub(in crate::check) struct SqlText<'a> {
    /// The database's name.
    pub target: &'a str,
    /// The text.
    pub sql: &'a Template,
    /// What it belongs to: `` the operation `copy-events` ``.
    pub owner: String,
    /// Whether it does the work of an operation, rather than ask something.
    pub is_work: bool,
}

/// Every text of the catalog.
pub(in crate::check) fn all(catalog: &Catalog) -> Vec<SqlText<'_>> {
    let mut texts = Vec::new();
    catalog.migrations().for_each(|migration| of_migration(migration, &mut texts));
    for operation in procedures(catalog) {
        of_operation(operation, &format!("the operation `{}`", operation.name), &mut texts);
    }
    for platform in catalog.platforms.values() {
        platform.version.iter().for_each(|version| of_probe("version", version, &mut texts));
    }
    texts
}

/// The operations of migrations, runbooks and platforms.
pub(in crate::check) fn operations(catalog: &Catalog) -> impl Iterator<Item = &Operation> {
    catalog.migrations().flat_map(|migration| &migration.operations).chain(procedures(catalog))
}

fn procedures(catalog: &Catalog) -> impl Iterator<Item = &Operation> {
    let runbooks = catalog.runbooks.values().flat_map(|runbook| &runbook.operations);
    let platforms = catalog.platforms.values();
    runbooks.chain(platforms.flat_map(|platform| platform.deploy.iter().chain(&platform.recover).chain(&platform.undo)))
}

/// The engine of an operation's database, where it has one that is known.
pub(in crate::check) fn engine(catalog: &Catalog, operation: &Operation) -> Option<Engine> {
    operation.target.as_deref().and_then(|target| catalog.engine(target))
}

/// The SQL that does the work of an operation; nothing for the kinds that write their own or none.
pub(in crate::check) fn work(operation: &Operation) -> Option<&Template> {
    match &operation.action {
        Action::Sql { sql } | Action::ForEach { sql, .. } => Some(sql),
        Action::Copy { .. }
        | Action::Backfill { .. }
        | Action::Wait { .. }
        | Action::Verify { .. }
        | Action::Command { .. }
        | Action::Http { .. }
        | Action::Manual { .. } => None,
    }
}

fn of_migration<'a>(migration: &'a Migration, texts: &mut Vec<SqlText<'a>>) {
    for (key, probe) in migration.probes() {
        of_probe(key, probe, texts);
    }
    let progress: Vec<(&str, &Template)> = match &migration.progress {
        Some(Progress::Counts { target, done, total }) => vec![(target, done), (target, total)],
        Some(Progress::Percent { target, sql }) => vec![(target, sql)],
        None => Vec::new(),
    };
    let of_progress = |(target, sql)| SqlText { target, sql, owner: "`progress`".to_owned(), is_work: false };
    texts.extend(progress.into_iter().map(of_progress));
    for operation in &migration.operations {
        of_operation(operation, &format!("the operation `{}`", operation.name), texts);
    }
}

fn of_probe<'a>(key: &str, probe: &'a Probe, texts: &mut Vec<SqlText<'a>>) {
    if let Question::Sql { target, sql } = &probe.question {
        texts.push(SqlText { target, sql, owner: format!("the probe `{key}`"), is_work: false });
    }
}

fn of_operation<'a>(operation: &'a Operation, owner: &str, texts: &mut Vec<SqlText<'a>>) {
    if let Some(undo) = operation.undo.operation() {
        of_operation(undo, &format!("the undo of `{}`", operation.name), texts);
    }
    for (key, probe) in operation.probes() {
        let owner = match key {
            "wait" | "verify" => owner.to_owned(),
            key => format!("`{key}` of {owner}"),
        };
        if let Question::Sql { target, sql } = &probe.question {
            texts.push(SqlText { target, sql, owner, is_work: false });
        }
    }
    let Some(target) = &operation.target else { return };
    let work = |sql| SqlText { target, sql, owner: owner.to_owned(), is_work: true };
    let asks = |sql, what: &str| SqlText { target, sql, owner: format!("{what} of {owner}"), is_work: false };
    match &operation.action {
        Action::Sql { sql } => texts.push(work(sql)),
        Action::ForEach { rows, sql } => texts.extend([asks(rows, "`rows`"), work(sql)]),
        Action::Copy { filter, .. } => texts.extend(filter.iter().map(|sql| asks(sql, "`where`"))),
        Action::Backfill { filter, change: BackfillChange::Set(sql) | BackfillChange::Sql(sql), .. } => {
            texts.extend(filter.iter().map(|sql| asks(sql, "`where`")).chain([work(sql)]));
        }
        Action::Wait { .. }
        | Action::Verify { .. }
        | Action::Command { .. }
        | Action::Http { .. }
        | Action::Manual { .. } => {}
    }
}
