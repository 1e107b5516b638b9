//! `apply`: shows what will be done, asks once, walks the plan, and tells what came of it.

mod dry_run;
mod finish;
mod job;
mod person;
mod preview;
mod ready;

use crate::execute::control::{ControlError, Desk};
use crate::execute::upgrade::{UPGRADE, Walk, Walked};
use crate::model::Platform;
use crate::run::Rest;

use super::args::{ApplyArguments, Global};
use super::commands::Commands;
use super::desk::{Loaded, block_on};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::refusal::refused;
use super::terminal;
use super::watching::View;

use job::Job;
use ready::Ready;

pub(super) fn run(global: &Global, arguments: &ApplyArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let commands = loaded.commands(global);
    let platform = platform(&loaded)?;
    block_on(async {
        let desk = loaded.desk(global, None).await?;
        let told = |error: ControlError| refused(UPGRADE, &error, &commands);
        let latest = desk.latest_upgrade().await.map_err(told)?;
        let job = job::choose(&loaded, &desk, arguments, latest, &commands).await?;
        let apply = Apply { global, arguments, loaded: &loaded, commands: &commands, platform, desk: &desk };
        apply.run(job, output).await
    })
}

/// How the environment deploys releases.
fn platform(loaded: &Loaded) -> Result<&Platform, Failure> {
    let environment = &loaded.environment;
    let Some(name) = &loaded.declared().platform else {
        return Err(Failure::new(Exit::Usage, format!("the environment `{environment}` has no platform"))
            .hint(format!("say how releases are deployed: `platform:` of environments.{environment}")));
    };
    loaded.catalog.platforms.get(name).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("there is no platform `{name}`"))
            .hint(format!("write templates/platforms/{name}.yaml; `orchestrate schema platform` tells its keys"))
    })
}

/// What the command works with.
struct Apply<'a> {
    global: &'a Global,
    arguments: &'a ApplyArguments,
    loaded: &'a Loaded,
    commands: &'a Commands,
    platform: &'a Platform,
    desk: &'a Desk,
}

impl Apply<'_> {
    async fn run(&self, job: Job, output: &mut Output) -> Result<Exit, Failure> {
        if job.plan().steps.is_empty() {
            return self.nothing_to_do(&job, output).await;
        }
        let ready = Ready::of(self, &job).await?;
        if self.arguments.dry_run {
            dry_run::show(self, &job, &ready, output);
            return Ok(Exit::Done);
        }
        let mut view = View::of_many(self.global);
        view.say(&preview::text(self, &job, &ready));
        if !self.arguments.yes {
            person::agree(self, &job).await?;
        }
        let walked = self.walk(job, &ready, &mut view).await;
        view.end();
        let walked = walked.map_err(|error| match error {
            Stopped::Control(error) => refused(UPGRADE, &error, self.commands),
            Stopped::Failure(failure) => failure,
        })?;
        finish::finish(self, &walked, output).await
    }

    /// There is no step at all: an upgrade that another one was to follow is over all the same.
    async fn nothing_to_do(&self, job: &Job, output: &mut Output) -> Result<Exit, Failure> {
        if let Job::Begin { gives_up: Some(row), .. } = job
            && !self.arguments.dry_run
        {
            let mut view = View::of_many(self.global);
            let given_up = self.desk.give_up_upgrade(row, &mut view).await;
            view.end();
            given_up.map_err(|error| refused(UPGRADE, &error, self.commands))?;
        }
        finish::nothing_to_do(self, job, output);
        Ok(Exit::Done)
    }

    /// Walks until it is over or rests; at a terminal notes are confirmed on the way, and what only a person can
    /// do is asked for.
    async fn walk(&self, job: Job, ready: &Ready, view: &mut View) -> Result<Walked, Stopped> {
        let mut walk = Walk {
            product: self.loaded.product(),
            sources: &self.loaded.sources,
            platform: self.platform,
            acknowledged: ready.acknowledged.clone(),
            until: self.arguments.until,
            given: ready.given.clone(),
            values: &ready.values,
        };
        let mut walked = match job {
            Job::GoOn { row, .. } => self.desk.go_on_with_upgrade(&row, &walk, view).await?,
            Job::Begin { document, gives_up, .. } => {
                if let Some(row) = gives_up {
                    self.desk.give_up_upgrade(&row, view).await?;
                }
                self.desk.begin_upgrade(*document, &walk, view).await?
            }
        };
        while terminal::is_there() {
            let is_all = match &walked.upgrade.rest {
                Some(Rest::Acknowledgement { notes, .. }) => {
                    let confirmed = person::confirm(self, &walked.upgrade, notes).await?;
                    if confirmed.is_empty() {
                        break;
                    }
                    let is_all = confirmed.len() == notes.len();
                    walk.acknowledged.extend(confirmed);
                    is_all
                }
                Some(because) => match person::waits(because) {
                    Some(name) if person::answer(self, name, view).await? => true,
                    Some(_) | None => break,
                },
                None => break,
            };
            walk.given.clear();
            let latest = self.desk.latest_upgrade().await?;
            let Some((row, _)) = latest.filter(|(row, _)| row.run.id == walked.run) else { break };
            walked = self.desk.go_on_with_upgrade(&row, &walk, view).await?;
            if !is_all {
                break;
            }
        }
        Ok(walked)
    }
}

/// Why a walk ended before it came to rest.
enum Stopped {
    Control(ControlError),
    Failure(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Stopped {
        Stopped::Failure(failure)
    }
}

impl From<ControlError> for Stopped {
    fn from(error: ControlError) -> Stopped {
        Stopped::Control(error)
    }
}
