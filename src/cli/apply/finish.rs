//! What came of an upgrade: on standard output, in the exit code, and as markdown for whoever wants it.

use std::io::Write as _;
use std::path::Path;

use crate::config::variable;
use crate::execute::upgrade::Walked;
use crate::run::{Rest, Status, Upgrade};
use crate::template::{Report, render_report};

use super::super::args::RunFormat;
use super::super::failure::{Exit, Failure};
use super::super::output::{Output, style};
use super::super::upgrade::{self, Entry};
use super::Apply;
use super::job::Job;

/// Where GitHub Actions takes a summary.
const GITHUB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Shows how far it came.
pub(super) async fn finish(apply: &Apply<'_>, walked: &Walked, output: &mut Output) -> Result<Exit, Failure> {
    let next = upgrade::next(&apply.desk.store, &apply.desk.site.environment, &walked.upgrade, apply.commands).await?;
    let entry = Entry::of(&walked.upgrade, walked.run.as_str(), &apply.loaded.product().title, next);
    match apply.arguments.shown.format {
        RunFormat::Json => output.data(&serde_json::to_string(&entry).expect("an upgrade has only texts for keys")),
        RunFormat::Text => {
            let let_go = if walked.is_let_go { ", let go" } else { "" };
            let mut text = format!("upgrade to {}: {}{let_go}", entry.to.app, walked.upgrade.status);
            for command in &entry.next {
                text.push_str(&format!("\n  {command}"));
            }
            output.data(&text);
        }
    }
    summarize(apply, &entry, output);
    Ok(exit(&walked.upgrade, walked.is_let_go))
}

/// There is no step at all.
pub(super) fn nothing_to_do(apply: &Apply<'_>, job: &Job, output: &mut Output) {
    let (title, app) = (&apply.loaded.product().title, &job.plan().to.app);
    match apply.arguments.shown.format {
        RunFormat::Json => output.data(
            &serde_json::json!({
                "format": upgrade::FORMAT,
                "product": job.plan().product,
                "environment": apply.loaded.environment,
                "from": job.plan().from,
                "to": job.plan().to,
                "status": Status::Completed.key(),
                "steps": [],
                "next": [],
            })
            .to_string(),
        ),
        RunFormat::Text => output.data(&format!("nothing to do: {title} is at {app}")),
    }
    summarize(apply, &Entry::of_nothing(job.plan(), &apply.loaded.environment, title), output);
}

/// The exit code for how an upgrade came out.
fn exit(upgrade: &Upgrade, is_let_go: bool) -> Exit {
    if is_let_go {
        return Exit::Attention;
    }
    let Some(rest) = &upgrade.rest else {
        return if upgrade.status == Status::Completed { Exit::Done } else { Exit::Attention };
    };
    match rest {
        Rest::Acknowledgement { .. } => Exit::Acknowledgement,
        Rest::Gate { .. } | Rest::Refused { .. } => Exit::Closed,
        Rest::Stale { .. } => Exit::Stale,
        Rest::Deploy { status, is_manual, .. } | Rest::Migration { status, is_manual, .. } => match status {
            _ if *is_manual => Exit::Acknowledgement,
            Status::RolledBack => Exit::RolledBack,
            Status::Blocked => Exit::Closed,
            Status::NotStarted
            | Status::Starting
            | Status::Running
            | Status::Paused
            | Status::Throttled
            | Status::Stopping
            | Status::Stopped
            | Status::Completed
            | Status::NotRequired
            | Status::Errored
            | Status::RollingBack
            | Status::NeedsAttention => Exit::Attention,
        },
        Rest::Version { .. } | Rest::Stopped { .. } => Exit::Attention,
        Rest::Until { .. } => Exit::Done,
    }
}

/// Writes the summary where it is wanted. What came of the upgrade stands, whether that can be written or not.
fn summarize(apply: &Apply<'_>, entry: &Entry, output: &mut Output) {
    let github = variable(GITHUB_SUMMARY).filter(|path| !path.is_empty());
    if apply.arguments.summary.is_none() && github.is_none() {
        return;
    }
    let mut warn = |what: String| output.talk(&format!("{}the summary {what}", style::warning("warning: ")));
    let text = match render_report(Report::UpgradeMarkdown, entry) {
        Ok(text) => text,
        Err(error) => return warn(format!("cannot be made: {error}")),
    };
    let mut written = |path: &Path, written: std::io::Result<()>| {
        if let Err(error) = written {
            warn(format!("cannot be written to {}: {error}", path.display()));
        }
    };
    if let Some(path) = &apply.arguments.summary {
        written(path, std::fs::write(path, &text));
    }
    if let Some(path) = github {
        let path = Path::new(&path);
        // Other steps of the job write there too.
        let file = std::fs::File::options().create(true).append(true).open(path);
        written(path, file.and_then(|mut file| file.write_all(text.as_bytes())));
    }
}
