//! `orchestrate gate`: may this version start? One message to the store answers it; the platform is asked only where that does not open it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::execute::{Texts, written};
use crate::model::{Migration, MigrationName, Product, Version};
use crate::plan::{self, Gate, Known, version_to_start};
use crate::run::{Status, Timestamp};
use crate::store::Standing;

use super::args::{GateArguments, Global, RunFormat};
use super::commands::Commands;
use super::desk::{Loaded, block_on};
use super::failure::{Exit, Failure};
use super::figures::counted;
use super::output::{Output, style};
use super::status_text::to_the_second;

/// What `gate` answers, `orchestrate.gate/v1`.
#[derive(Clone, Debug, Serialize)]
struct Document {
    format: &'static str,
    product: String,
    environment: String,
    to: String,
    is_open: bool,
    because: String,
    /// The version that runs; nothing where nobody was asked or nobody knows.
    running: Option<String>,
    assumed_complete: Vec<String>,
    closed_by: Vec<Closing>,
    /// What leads on.
    next: Vec<String>,
}

/// A migration that has to be complete first.
#[derive(Clone, Debug, Serialize)]
struct Closing {
    migration: String,
    window: Window,
    status: String,
    since: Option<String>,
    because: Option<String>,
    run: Option<String>,
    next: Vec<String>,
    #[serde(skip)]
    told: String,
}

/// The versions on which a migration may run, both ends inclusive.
#[derive(Clone, Debug, Serialize)]
struct Window {
    min: Option<String>,
    max: Option<String>,
}

/// `gate`.
pub(super) fn run(global: &Global, arguments: &GateArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let product = loaded.product();
    let to =
        version_to_start(product, &arguments.to).map_err(|error| super::plan::refused(product.name.as_str(), error))?;
    if !is_release(product, &to) && !global.quiet {
        let warning = format!("{} has no release {to}; it is placed by its number", product.title);
        output.talk(&format!("{}{warning}", style::warning("warning: ")));
    }
    block_on(async {
        let (standings, taken) = loaded.standings(global).await?;
        let mut known = known(&standings);
        let counting = taken.map(|taken| taken.counts(product)).unwrap_or_default();
        known.complete.extend(counting.into_iter().filter(|name| !known.unfinished.contains(name)));
        known.running.clone_from(&arguments.at);
        let mut gate = plan::gate(product, &to, &known);
        if !gate.is_open() && known.running.is_none() {
            match running(&loaded, global).await {
                Ok(version) => known.running = Some(version),
                Err(why) => {
                    output.talk(&format!(
                        "{}which version runs is not known: {why}\n{}say it with --at VERSION, where it is known",
                        style::warning("warning: "),
                        style::hint("hint: ")
                    ));
                }
            }
            gate = plan::gate(product, &to, &known);
        }
        let look = Look { loaded: &loaded, commands: loaded.commands(global), standings, known: &known };
        let document = look.document(&gate, &to);
        output.data(&match arguments.shown.format {
            RunFormat::Json => serde_json::to_string(&document).expect("a gate has only texts for keys"),
            RunFormat::Text => text(&document, &product.title),
        });
        Ok(if document.is_open { Exit::Done } else { Exit::Closed })
    })
}

/// Whether a plan can lead there.
fn is_release(product: &Product, version: &Version) -> bool {
    !product.releases_of(version).is_empty() || product.recommended.values().any(|pair| pair.app == *version)
}

/// What the latest runs are evidence for: one that was blocked before it did anything is none.
fn known(standings: &BTreeMap<String, Standing>) -> Known {
    let mut known = Known::default();
    for (name, standing) in standings {
        match Status::parse(&standing.status) {
            Some(_) if standing.did_nothing() => continue,
            Some(status) if status.is_complete() => known.complete.insert(MigrationName::new(name)),
            Some(_) | None => known.unfinished.insert(MigrationName::new(name)),
        };
    }
    known
}

/// The version that runs, as the platform tells it.
async fn running(loaded: &Loaded, global: &Global) -> Result<Version, String> {
    let site = loaded.version_site(global).map_err(|failure| failure.message().to_owned())?;
    site.running(None, &Texts::default()).await
}

/// What the answer is made of.
struct Look<'a> {
    loaded: &'a Loaded,
    commands: Commands,
    standings: BTreeMap<String, Standing>,
    known: &'a Known,
}

impl Look<'_> {
    fn document(&self, gate: &Gate<'_>, to: &Version) -> Document {
        let names = |migrations: &[&Migration]| migrations.iter().map(|one| one.name.to_string()).collect();
        let is_open = gate.is_open();
        let closed_by = gate.incomplete.iter().filter(|_| !is_open).map(|migration| self.closing(migration)).collect();
        let leads_there = !is_open && is_release(self.loaded.product(), to);
        let next = leads_there.then(|| self.commands.command(&format!("apply --to {to}"))).into_iter().collect();
        Document {
            format: "orchestrate.gate/v1",
            product: self.loaded.product.clone(),
            environment: self.loaded.environment.clone(),
            to: to.to_string(),
            is_open,
            because: because(gate),
            running: self.known.running.as_ref().map(Version::to_string),
            assumed_complete: names(&gate.assumed),
            closed_by,
            next,
        }
    }

    fn closing(&self, migration: &Migration) -> Closing {
        let name = migration.name.as_str();
        let standing = self.standings.get(name);
        let open: Vec<&str> =
            migration.depends_on.iter().map(MigrationName::as_str).filter(|name| !self.is_complete(name)).collect();
        let because = match standing {
            Some(standing) => because_of(standing),
            None if open.is_empty() => None,
            None => Some(format!("it depends on {}", open.join(", "))),
        };
        let window = &migration.window;
        Closing {
            migration: name.to_owned(),
            status: standing.map_or_else(|| Status::NotStarted.key(), |standing| standing.status.clone()),
            since: standing.map(|standing| written(Timestamp(standing.since_ms))),
            because,
            run: standing.map(|standing| standing.run.to_string()),
            next: self
                .next(migration, standing, open.is_empty())
                .iter()
                .map(|rest| self.commands.command(rest))
                .collect(),
            told: window.to_string(),
            window: Window {
                min: window.min.as_ref().map(Version::to_string),
                max: window.max.as_ref().map(Version::to_string),
            },
        }
    }

    fn is_complete(&self, name: &str) -> bool {
        self.known.complete.contains(name)
    }

    /// What leads on with one migration, as far as its latest run's status tells; `status` tells the rest.
    fn next(&self, migration: &Migration, standing: Option<&Standing>, is_ready: bool) -> Vec<String> {
        let name = migration.name.as_str();
        let may_start = self.known.running.as_ref().is_none_or(|running| migration.window.contains(running));
        let start = || if may_start && is_ready { vec![format!("start {name}")] } else { Vec::new() };
        let Some(standing) = standing else { return start() };
        let status = format!("status {name}");
        match Status::parse(&standing.status) {
            Some(Status::NotStarted | Status::RolledBack) => start(),
            Some(Status::Blocked) if standing.is_finished => start(),
            Some(Status::Paused | Status::Stopped | Status::Blocked) => vec![format!("resume {name}"), status],
            Some(Status::Starting | Status::Running | Status::Throttled | Status::Stopping | Status::RollingBack) => {
                if standing.is_held {
                    vec![format!("{status} --watch")]
                } else {
                    vec![format!("resume {name}"), status]
                }
            }
            Some(Status::Errored) => vec![format!("retry {name}"), status],
            Some(Status::NeedsAttention | Status::Completed | Status::NotRequired) | None => vec![status],
        }
    }
}

/// Why a run stands where it stands, as its row tells.
fn because_of(standing: &Standing) -> Option<String> {
    let detail: Value = serde_json::from_str(&standing.detail).ok()?;
    detail["because"].as_str().filter(|because| !because.is_empty()).map(str::to_owned)
}

fn because(gate: &Gate<'_>) -> String {
    let behind = gate.behind.len();
    match (gate.is_running, gate.incomplete.len()) {
        (true, _) => "it is the version that runs".to_owned(),
        (false, 0) if behind == 0 => "no migration's window ends below it".to_owned(),
        (false, 0) if behind == 1 => "the migration whose window ends below it is complete".to_owned(),
        (false, 0) => format!("the {behind} migrations whose windows end below it are complete"),
        (false, incomplete) => format!("{} must be complete before it", counted(incomplete, "migration")),
    }
}

fn text(document: &Document, title: &str) -> String {
    let Document { to, environment, because, .. } = document;
    let mut text = match document.is_open {
        true => format!("open: {title} {to} may start in {environment}: {because}"),
        false => format!("{} {title} {to} may not start in {environment}: {because}", style::warning("closed:")),
    };
    if !document.assumed_complete.is_empty() {
        let running = document.running.as_deref().unwrap_or_default();
        let assumed = document.assumed_complete.join(", ");
        text.push_str(&format!("\n  {running} runs, and could not have started without {assumed}"));
    }
    let closed_by = &document.closed_by;
    let names = closed_by.iter().map(|closing| closing.migration.len()).max().unwrap_or(0);
    let windows = closed_by.iter().map(|closing| closing.told.len()).max().unwrap_or(0);
    for closing in closed_by {
        let Closing { migration, told, status, .. } = closing;
        text.push_str(&format!("\n  {migration:<names$}  window {told:<windows$}  {}", status.replace('_', " ")));
        let since = closing.since.as_deref().map(|since| format!("since {}", to_the_second(since)));
        let reasons: Vec<&str> = since.as_deref().into_iter().chain(closing.because.as_deref()).collect();
        if !reasons.is_empty() {
            text.push_str(&format!("  {}", reasons.join(": ")));
        }
        for command in &closing.next {
            text.push_str(&format!("\n      {command}"));
        }
    }
    for command in &document.next {
        text.push_str(&format!("\nnext: {command}"));
    }
    text
}
