//! Operations: the named units of work of a procedure, and how each is taken back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Expectation, Place, Probe, Template};

/// One named unit of work.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Stable and unique in its procedure: what the journal refers to.
    pub name: String,
    /// The database it acts on, for the kinds that act on one.
    pub target: Option<String>,
    /// What it does.
    pub action: Action,
    /// How it is taken back.
    pub undo: Undo,
    /// Whether it is needed: no = it is passed over.
    pub when: Option<Probe>,
    /// A question that is true when the effect is there.
    pub done_when: Option<Probe>,
    /// Whether doing it again is harmless.
    pub repeatable: bool,
    /// Settings sent with each statement.
    pub settings: BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// How often it is tried.
    pub retry: Option<Retry>,
    /// Where in a cluster it runs.
    pub scope: Scope,
    /// Whether it is about one row: its texts name the `item` of the `for_each` that it takes back.
    pub of_item: bool,
    /// Whether it is done again each time that its run is taken up, because it finds out how things stand.
    pub is_recovery: bool,
    /// Whether a later operation uses what it printed or was answered.
    pub keeps_output: bool,
    /// Whether its statements run in one transaction (Postgres, SQLite).
    pub transaction: bool,
    /// Where it is declared.
    pub place: Place,
}

impl Operation {
    /// Its probes, with the key that each stands under.
    pub fn probes(&self) -> impl Iterator<Item = (&'static str, &Probe)> {
        let own = match &self.action {
            Action::Wait { probe, .. } => Some(("wait", probe)),
            Action::Verify { probe } => Some(("verify", probe)),
            Action::Sql { .. }
            | Action::ForEach { .. }
            | Action::Copy { .. }
            | Action::Backfill { .. }
            | Action::Command { .. }
            | Action::Http { .. }
            | Action::Manual { .. } => None,
        };
        let when = self.when.iter().map(|probe| ("when", probe));
        when.chain(own).chain(self.done_when.iter().map(|probe| ("done_when", probe)))
    }

    /// The targets that it acts on or asks, its undo apart.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.target.as_deref().into_iter().chain(self.probes().filter_map(|(_, probe)| probe.target()))
    }

    /// Its texts, besides those of its undo.
    pub fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<&Template> = self.probes().flat_map(|(_, probe)| probe.templates()).collect();
        match &self.action {
            Action::Sql { sql } => texts.push(sql),
            Action::ForEach { rows, sql } => texts.extend([rows, sql]),
            Action::Copy { from, to, filter, .. } => texts.extend([from, to].into_iter().chain(filter)),
            Action::Backfill { table, filter, change, .. } => {
                let (BackfillChange::Set(change) | BackfillChange::Sql(change)) = change;
                texts.extend([table, change].into_iter().chain(filter));
            }
            Action::Wait { .. } | Action::Verify { .. } => {}
            Action::Command { argv, env, cwd } => texts.extend(argv.iter().chain(env.values()).chain(cwd)),
            Action::Http { url, headers, body, .. } => {
                texts.extend(std::iter::once(url).chain(headers.values()).chain(body));
            }
            Action::Manual { ask } => texts.push(ask),
        }
        let fail_when = if let Action::Wait { fail_when, .. } = &self.action { fail_when.as_ref() } else { None };
        let operands = self.probes().map(|(_, probe)| &probe.expect).chain(fail_when).filter_map(Expectation::operand);
        texts.into_iter().map(|template| template.text.as_str()).chain(operands).collect()
    }
}

/// What an operation does; exactly one key of the file makes it.
#[derive(Clone, Debug)]
pub enum Action {
    /// Runs a statement.
    Sql {
        /// The statement, or several for Postgres and SQLite.
        sql: Template,
    },
    /// Runs a statement for each row of a question that is asked once.
    ForEach {
        /// The question.
        rows: Template,
        /// The statement, with `{{ item.column }}`.
        sql: Template,
    },
    /// Copies a table in resumable batches, each landing exactly once.
    Copy {
        /// The table to read.
        from: Template,
        /// The table to fill.
        to: Template,
        /// The columns, all where empty.
        columns: Vec<String>,
        /// A condition on the rows.
        filter: Option<Template>,
        /// Whether rows that a merge would take away are left out: read with FINAL (ClickHouse).
        is_final: bool,
        /// What makes a batch.
        by: SliceBy,
        /// How many batches at once.
        parallel: u32,
        /// How the copy is proved.
        verify: Verification,
    },
    /// Updates a table in resumable batches over the key's real values.
    Backfill {
        /// The table.
        table: Template,
        /// What makes a batch.
        by: SliceBy,
        /// Which rows still need it, all where absent.
        filter: Option<Template>,
        /// What is done to each batch.
        change: BackfillChange,
        /// The size of the first batch.
        batch: Option<u64>,
    },
    /// Waits until a question is true.
    Wait {
        /// The question.
        probe: Probe,
        /// How often it is asked.
        every: Option<Duration>,
        /// The answer after which it will never be true.
        fail_when: Option<Expectation>,
    },
    /// Fails unless a question has the expected answer.
    Verify {
        /// The question, with what to tell otherwise.
        probe: Probe,
    },
    /// Runs a program.
    Command {
        /// Program and arguments, never a shell string.
        argv: Vec<Template>,
        /// Variables of its environment.
        env: BTreeMap<String, Template>,
        /// Its folder.
        cwd: Option<Template>,
    },
    /// Calls a URL.
    Http {
        /// The method.
        method: String,
        /// The address.
        url: Template,
        /// Headers.
        headers: BTreeMap<String, Template>,
        /// The body.
        body: Option<Template>,
        /// The status that means success.
        expect_status: u16,
    },
    /// Waits for a person.
    Manual {
        /// What the person is asked.
        ask: Template,
    },
}

impl Action {
    /// Whether it prints or is answered something that later operations may use.
    pub fn has_output(&self) -> bool {
        matches!(self, Action::Command { .. } | Action::Wait { .. } | Action::Verify { .. })
    }

    /// Whether it only looks or asks, so that there is nothing to take back.
    pub fn is_observation(&self) -> bool {
        matches!(self, Action::Wait { .. } | Action::Verify { .. } | Action::Manual { .. })
    }
}

/// What makes a batch of a copy or a backfill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SliceBy {
    /// A partition (ClickHouse).
    Partition,
    /// A stretch of these columns' values.
    Key(Vec<String>),
}

/// How a copy is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// By the number of rows.
    Count,
    /// By a checksum over all columns.
    Checksum,
    /// Not at all.
    None,
}

/// What a backfill does to each batch.
#[derive(Clone, Debug)]
pub enum BackfillChange {
    /// The assignments of an UPDATE.
    Set(Template),
    /// A statement with `:low` and `:high`, a batch's first and last key, both inclusive.
    Sql(Template),
}

/// How an operation is taken back.
#[derive(Clone, Debug)]
pub enum Undo {
    /// By another operation.
    Operation(Box<Operation>),
    /// Not at all, and why.
    Irreversible(String),
    /// There is nothing to take back.
    Nothing,
}

impl Undo {
    /// The operation that takes back, where one does.
    pub fn operation(&self) -> Option<&Operation> {
        match self {
            Undo::Operation(operation) => Some(operation),
            Undo::Irreversible(_) | Undo::Nothing => None,
        }
    }
}

/// How often an operation is tried, and how long it waits in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all.
    pub attempts: u32,
    /// The first pause; it doubles each time.
    pub backoff: Duration,
}

/// Where in a ClickHouse cluster an operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Where the target's URL leads.
    Server,
    /// On one replica of every shard.
    EachShard,
    /// ON CLUSTER, until every host has reported.
    Cluster,
}
