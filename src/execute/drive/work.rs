//! What the loop does in the world: checks, parts, units.

use tokio_util::sync::CancellationToken;

use crate::model::{Action, Probe, Question};
use crate::run::{Checked, Direction, Event, FaultKind, Proof, Unit, Verdict};

use super::super::checks::{Precondition, preflight};
use super::super::journal::DriveError;
use super::super::operation::{Job, operation};
use super::super::perform::{Came, perform};
use super::super::prepare::{Preparation, Prepared};
use super::super::{forecast, now, observation};
use super::around::REQUESTS_EVERY;
use super::{Drive, gone};

impl Drive {
    pub(super) async fn check(&mut self, required: bool) -> Result<(), DriveError> {
        let of = Precondition {
            site: &self.ground.site,
            store: &self.ground.store,
            product: &self.state.given.document.product,
            migration: &self.migration,
            app: self.state.given.app.as_deref(),
            assumed: &self.state.given.assumed,
            texts: &self.ground.texts,
        };
        let checked = loop {
            match preflight(&of, required).await {
                Ok(checked) => break checked,
                Err(error) if error.is_transient() => tokio::time::sleep(REQUESTS_EVERY).await,
                Err(error) => return Err(error.into()),
            }
        };
        self.watch.check = Some(self.looked_ahead(checked, required).await?);
        self.watch.health = Some((now(), Vec::new()));
        Ok(())
    }

    /// Where nothing was ever done and nothing is in the way, what large tables will take is told, or is in the way.
    pub(super) async fn looked_ahead(&mut self, checked: Checked, is_first: bool) -> Result<Checked, DriveError> {
        let Checked::Failures(failures) = &checked else { return Ok(checked) };
        if !is_first || !failures.is_empty() {
            return Ok(checked);
        }
        let (site, texts) = (&self.ground.site, &self.ground.texts);
        let outlook = forecast::outlook(site, texts, &self.migration, self.settings.default_timeout).await;
        for (operation, forecast) in outlook.forecasts {
            self.note(Event::Forecast { operation, forecast })?;
        }
        Ok(Checked::Failures(outlook.failures))
    }

    pub(super) fn job(&self, unit: &Unit) -> Option<Job> {
        Job::of(&self.migration, &self.state, unit, &self.run, &self.settings)
    }

    pub(super) async fn prepare(&mut self, name: String, direction: Direction) -> Result<(), DriveError> {
        let unit = Unit { operation: name.clone(), direction, part: 0 };
        let Some(job) = self.job(&unit) else { return self.note(gone(unit)) };
        let preparation = Preparation {
            site: &self.ground.site,
            texts: &self.ground.texts,
            operation: &job.operation,
            timeout: job.timeout,
            batch_target: self.state.batch_target(&self.settings),
            rows_per_s: self.state.forecasts.get(&name).and_then(|forecast| forecast.rows_per_s),
        };
        let prepared = match self.state.phase(&name, direction).filter(|phase| phase.parts.is_some()) {
            Some(phase) => {
                let more = preparation.more(phase).await;
                more.map(|parts| Event::Found { operation: name, parts })
            }
            None => preparation.parts().await.map(|Prepared { parts, may_grow, batch }| Event::Prepared {
                operation: name,
                direction,
                parts,
                may_grow,
                batch,
            }),
        };
        match prepared {
            Ok(event) => {
                self.watch.unprepared.remove(&unit);
                self.note(event)
            }
            Err(fault) => {
                tracing::warn!(%unit, fault = fault.message, "its parts could not be found out");
                let failures = self.watch.unprepared.get(&unit).map_or(0, |(_, _, failures)| *failures) + 1;
                self.watch.unprepared.insert(unit, (now(), fault, failures));
                Ok(())
            }
        }
    }

    pub(super) async fn perform(&mut self, unit: Unit) -> Result<(), DriveError> {
        let Some(job) = self.job(&unit) else { return self.note(gone(unit)) };
        // What is asked of a database answers soon; a program or a URL may be told to end.
        let is_asked_here = |probe: &Probe| match &probe.question {
            Question::Sql { .. } | Question::File { .. } | Question::Value { .. } => true,
            Question::Command { .. } | Question::Http { .. } => false,
        };
        if !matches!(&job.operation.action, Action::Wait { probe, .. } if is_asked_here(probe)) {
            self.watch.in_flight.insert(unit);
            self.flights.begin(&self.ground, job);
            return Ok(());
        }
        let never = CancellationToken::new();
        let came = perform(&self.ground, &job, &never).await;
        self.came(unit, came)
    }

    /// Asks whether an operation is needed.
    pub(super) async fn ask_when(&mut self, unit: Unit) -> Result<(), DriveError> {
        let Some(job) = self.job(&unit) else { return self.note(gone(unit)) };
        let Some(probe) = &job.operation.when else { return Ok(()) };
        let verdict = observation::verdict(&self.ground.site, &self.ground.texts, &job, probe).await;
        let tries = match (&verdict, self.watch.needed.get(&unit)) {
            (Verdict::Unknown(_), Some((_, Verdict::Unknown(_), tries))) => tries + 1,
            (Verdict::Unknown(_) | Verdict::Yes | Verdict::No(_), _) => 1,
        };
        self.watch.needed.insert(unit, (now(), verdict, tries));
        Ok(())
    }

    /// Whether a later operation uses what a unit printed or was answered.
    fn keeps_output(&self, unit: &Unit) -> bool {
        let operation = operation(&self.migration, &unit.operation, Direction::Do);
        unit.direction == Direction::Do && operation.is_some_and(|operation| operation.keeps_output)
    }

    pub(super) fn came(&mut self, unit: Unit, came: Came) -> Result<(), DriveError> {
        match came {
            Came::NotYet(told) => {
                self.watch.polled.insert(unit.clone(), now());
                if let Some(told) = told {
                    self.watch.told.insert(unit, told);
                }
                Ok(())
            }
            Came::Advanced { batch, high, rows, ms } => self.note(Event::Advanced { unit, batch, high, rows, ms }),
            Came::BatchFailed { batch, high, rows, is_late, message } => {
                self.note(Event::BatchFailed { unit, batch, high, rows, is_late, message })
            }
            Came::Done { told: detail, output } => {
                let output = output.filter(|_| self.keeps_output(&unit));
                self.note(Event::Done { unit, proof: Proof::Answer, detail, output })
            }
            Came::Failed(mut fault) => {
                // What somebody else ended is not for us to begin again.
                if fault.kind == FaultKind::Ended && !self.watch.ending.contains(&unit) {
                    fault.kind = FaultKind::Partial;
                }
                self.note(Event::Failed { unit, fault })
            }
        }
    }
}
