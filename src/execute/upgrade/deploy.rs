//! Deploys a step's release. Before anything is changed the version that runs must be the one that the step begins at.

use crate::run::{Deployment, Rest, Status, UpgradeEvent};
use crate::store::RunRow;

use super::super::control::{ControlError, Deploy};
use super::super::journal::DriveError;
use super::super::observe::Observer;
use super::super::site::Texts;
use super::children::{Attempt, Child};
use super::prove::{ASK_AGAIN, TIMES};
use super::version::{Runs, runs};
use super::walk::Walker;

/// What the version that runs means for a deploy.
enum Before {
    /// It can begin.
    Ready,
    /// The step's release runs already.
    Runs,
    /// It must not begin.
    Not(Rest),
    /// It was stopped or let go before anybody could tell.
    Interrupted,
}

/// How far the run of a deploy is.
#[derive(PartialEq)]
enum Ours {
    /// None is to be gone on with.
    Absent,
    /// It is not over.
    UnderWay,
    /// It is complete.
    Complete,
}

impl Walker<'_> {
    pub(super) async fn deploy(&mut self, step: usize, observer: &mut dyn Observer) -> Result<(), ControlError> {
        let texts = self.texts(step);
        let Some(names) = texts.step.clone() else { return self.planned(step).map(|_| ()) };
        let name = names.deploy_name();
        let state = self.upgrade.step(step).cloned().unwrap_or_default();
        let latest = self.desk.latest(&name).await?;
        let ours = ours(&state.deployment, latest.as_ref());
        if ours == Ours::Absent && !state.is_open {
            return self.enter(step, observer).await;
        }
        if ours != Ours::Complete {
            // What a deploy left behind may be unable to tell its version.
            let is_left_behind = state.is_tried || ours == Ours::UnderWay;
            match self.before(step, &texts, is_left_behind, observer).await? {
                Before::Runs if ours == Ours::Absent => {
                    return self.note(UpgradeEvent::Deployed { step, run: None }, observer).await;
                }
                Before::Ready | Before::Runs => {}
                Before::Not(because) => return self.rest(because, observer).await,
                Before::Interrupted => return Ok(()),
            }
        }
        if ours == Ours::Absent || state.deployment == Deployment::Open {
            let over = latest.filter(|row| row.summary.is_finished);
            let after = over.map(|row| row.run.id.to_string());
            self.note(UpgradeEvent::Deploying { step, after }, observer).await?;
        }
        let after = self.upgrade.step(step).and_then(|state| match &state.deployment {
            Deployment::Begun { after } => after.clone(),
            Deployment::Open | Deployment::Done { .. } => None,
        });
        let platform = self.walk.platform;
        let text = self.walk.sources.get(&platform.place.file).map(|text| text.to_string()).unwrap_or_default();
        let attempt = Attempt::Deploy(Deploy { platform, text: &text, step: names });
        let child = self.carry(&name, after.as_deref(), &attempt, observer).await?;
        self.deployed(step, name, child, observer).await
    }

    /// Records what came of a deploy.
    async fn deployed(
        &mut self,
        step: usize,
        name: String,
        child: Child,
        observer: &mut dyn Observer,
    ) -> Result<(), ControlError> {
        match child {
            Child::Complete { run, .. } => {
                self.note(UpgradeEvent::Deployed { step, run: Some(run.to_string()) }, observer).await
            }
            Child::Rests { run, status, is_manual, because } => {
                if status == Status::Stopped && self.desk.signals.stop.is_cancelled() {
                    return Ok(());
                }
                let run = run.to_string();
                self.rest(Rest::Deploy { step, name, run, status, is_manual, because }, observer).await
            }
            Child::Refused(because) => self.rest(Rest::Refused { step, because }, observer).await,
            Child::LetGo => Ok(()),
        }
    }

    /// Asks which version runs, until that can be told.
    async fn before(
        &self,
        step: usize,
        texts: &Texts,
        may_be_unknown: bool,
        observer: &mut dyn Observer,
    ) -> Result<Before, ControlError> {
        let (site, Some(names)) = (&self.desk.site, &texts.step) else { return Ok(Before::Ready) };
        if site.version.is_none() {
            return Ok(Before::Ready);
        }
        let begun = tokio::time::Instant::now();
        let mut others = 0;
        loop {
            match runs(site, texts).await {
                Runs::Own(_) => return Ok(Before::Runs),
                Runs::Before(_) => return Ok(Before::Ready),
                Runs::Another(version) => {
                    others += 1;
                    if others >= TIMES {
                        let (from, app) = (&names.from_app, &names.app);
                        let because = format!("{version} runs, and step {step} leads from {from} to {app}");
                        return Ok(Before::Not(Rest::Stale { step, because }));
                    }
                }
                Runs::Unknown(_) if may_be_unknown => return Ok(Before::Ready),
                Runs::Unknown(why) => {
                    others = 0;
                    let because =
                        format!("{} is not deployed while nobody can tell which version runs: {why}", names.app);
                    if begun.elapsed() >= self.settings.proof_timeout {
                        return Ok(Before::Not(Rest::Version { step, because }));
                    }
                    observer.waits(&because);
                }
            }
            tokio::select! {
                () = self.journal.pulse.lost.cancelled() => return Err(DriveError::LeaseLost.into()),
                () = self.desk.signals.let_go.cancelled() => return Ok(Before::Interrupted),
                () = self.desk.signals.stop.cancelled() => return Ok(Before::Interrupted),
                () = tokio::time::sleep(ASK_AGAIN) => {}
            }
        }
    }
}

/// How far the deploy's run is that this step goes on with: one that is not over, or one of this step.
fn ours(deployment: &Deployment, latest: Option<&RunRow>) -> Ours {
    let Some(row) = latest else { return Ours::Absent };
    if !row.summary.is_finished {
        return Ours::UnderWay;
    }
    let is_complete = Status::parse(&row.summary.status).is_some_and(Status::is_complete);
    match deployment {
        Deployment::Begun { after } if is_complete && after.as_deref() != Some(row.run.id.as_str()) => Ours::Complete,
        Deployment::Open | Deployment::Begun { .. } | Deployment::Done { .. } => Ours::Absent,
    }
}
