//! `demo`: writes a small product with its data into a folder, and walks its whole plan there by the code of `apply`.
//!
//! The product stands in `demo/` of the repository. Nothing that is in the folder already is written over.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::database::Statement;
use crate::execute::control::Desk;
use crate::model::PartialVersion;

use super::apply;
use super::args::{ApplyArguments, DemoArguments, Global, RunFormat, Shown};
use super::desk::{Loaded, block_on};
use super::failure::{Exit, Failure};
use super::output::{self, Output};

/// The file that tells whether a folder is a demo, by its first line. It is written first.
const PROJECT: (&str, &str) = ("orchestrate.yaml", include_str!("../../demo/orchestrate.yaml"));

/// The files of the product.
const FILES: [(&str, &str); 6] = [
    ("upgrade-paths/jotter.yaml", include_str!("../../demo/upgrade-paths/jotter.yaml")),
    ("templates/platforms/jotter.yaml", include_str!("../../demo/templates/platforms/jotter.yaml")),
    ("manifests/jotter/0001_count_words.yaml", include_str!("../../demo/manifests/jotter/0001_count_words.yaml")),
    ("manifests/jotter/0002_search_terms.yaml", include_str!("../../demo/manifests/jotter/0002_search_terms.yaml")),
    ("manifests/jotter/0003_unique_titles.yaml", include_str!("../../demo/manifests/jotter/0003_unique_titles.yaml")),
    ("manifests/jotter/0004_forget_drafts.yaml", include_str!("../../demo/manifests/jotter/0004_forget_drafts.yaml")),
];

/// The rows.
const DATA: &str = include_str!("../../demo/jotter.sql");
const DATA_TAG: &str = "orchestrate:demo:data";
const DATA_TIMEOUT: Duration = Duration::from_secs(600);
const TARGET: &str = "jotter";
/// Where it goes, and what its notes ask for: it is all made up.
const TO: &str = "1.2";
const NOTE: &str = "keep-a-copy-of-jotter.db";

/// What to try afterwards, as it is typed in the folder.
const NEXT: &str = r#"
  orchestrate status                       what ran
  orchestrate journal upgrade              what happened, step by step
  orchestrate plan --from 1.0 --to 1.2     the plan that was walked, with the reason for each stop
  orchestrate apply --to 1.2               there is nothing left to do
  orchestrate lint                         checks its files; change one and see

One to take back, and to kill in the middle with kill -9. It goes on where it was, once the lease of the killed process has ended (15 s):

  orchestrate rollback 0002_search_terms
  orchestrate start 0002_search_terms --at 1.1.0
  orchestrate resume 0002_search_terms

One that fails and takes itself back, and then does not:

  orchestrate rollback 0003_unique_titles
  orchestrate start 0003_unique_titles --at 1.1.0 --set DUPLICATES=keep
  orchestrate start 0003_unique_titles --at 1.1.0

One that cannot be taken back:

  orchestrate rollback 0004_forget_drafts

Remove the folder to begin anew. Kill `orchestrate demo` itself, and the next one goes on."#;

/// Writes the demo and runs it.
pub(super) fn run(global: &Global, arguments: &DemoArguments, output: &mut Output) -> Result<Exit, Failure> {
    let folder = arguments.dir.as_path();
    let shown = folder.display();
    refuse_others(folder)?;
    let written = write(folder).map_err(|error| {
        Failure::new(Exit::Usage, format!("the demo cannot be written to {shown}: {error}"))
            .hint("name a folder that you may write to with --dir DIR")
    })?;
    if written > 0 {
        say(
            global,
            &format!("wrote {written} files to {shown}: a small app for notes, its releases and four migrations"),
        );
    }
    let global = Global {
        project: folder.to_path_buf(),
        product: None,
        environment: None,
        color: global.color,
        log_format: global.log_format,
        verbose: global.verbose,
        quiet: global.quiet,
    };
    let loaded = Loaded::read(&global, output)?;
    block_on(async {
        let desk = loaded.desk(&global, None).await?;
        fill(&global, &desk).await
    })?;
    let to = PartialVersion::parse(TO).map_err(|error| Failure::from_error(Exit::Unexpected, &error))?;
    let walk = ApplyArguments {
        plan: None,
        to: Some(to),
        yes: true,
        acknowledge: vec![NOTE.to_owned()],
        until: None,
        set: Vec::new(),
        dry_run: false,
        anew: false,
        summary: None,
        shown: Shown { format: RunFormat::Text },
    };
    let exit = apply::run(&global, &walk, output)?;
    if exit == Exit::Done {
        output.data(&format!("\nWhat to try next:\n\n  cd {}{NEXT}", quoted(folder)));
    }
    Ok(exit)
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Refuses a folder that is somebody else's.
fn refuse_others(folder: &Path) -> Result<(), Failure> {
    let first_line = |text: &str| text.lines().next().map(str::to_owned);
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    let is_demo = || {
        let text = fs::read_to_string(folder.join(PROJECT.0)).ok();
        text.is_some_and(|text| first_line(&text) == first_line(PROJECT.1))
    };
    if fs::symlink_metadata(folder).is_err() || is_empty() || is_demo() {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, format!("{} is there already, and is no demo", folder.display()))
        .hint("name another folder with --dir DIR"))
}

/// Writes the files that are not there yet; how many.
fn write(folder: &Path) -> io::Result<usize> {
    let mut written = 0;
    for (name, text) in std::iter::once(&PROJECT).chain(&FILES) {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        match fs::File::create_new(&path) {
            Ok(mut file) => file.write_all(text.as_bytes())?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        }
        written += 1;
    }
    Ok(written)
}

/// Makes the rows, unless they are there: the mark in their own transaction tells.
async fn fill(global: &Global, desk: &Desk) -> Result<(), Failure> {
    let told = |error: &crate::database::DatabaseError| {
        Failure::from_error(Exit::Unexpected, error).hint("remove the folder, and begin anew")
    };
    let database = &desk.site.target(TARGET).map_err(|error| Failure::new(Exit::Usage, error))?.database;
    if database.has_mark(DATA_TAG).await.map_err(|error| told(&error))? {
        return Ok(());
    }
    say(global, "making 300,000 notes");
    let settings = std::collections::BTreeMap::new();
    let statement = Statement {
        sql: DATA,
        tag: DATA_TAG,
        settings: &settings,
        timeout: DATA_TIMEOUT,
        transaction: true,
        mark: true,
    };
    database.run(&statement).await.map_err(|error| told(&error))?;
    Ok(())
}

/// Tells at once what takes a moment.
fn say(global: &Global, text: &str) {
    if !global.quiet && output::write(&mut anstream::stderr().lock(), &format!("{text}\n")).is_err() {
        tracing::debug!("standard error cannot be written to");
    }
}
