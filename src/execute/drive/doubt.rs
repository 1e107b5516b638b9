//! What became of units in doubt, and ending what runs.

use crate::database::Checkpoint;
use crate::model::Action;
use crate::process;
use crate::run::{Event, Judgement, PartProgress, Proof, Unit};

use super::super::journal::DriveError;
use super::super::judge::{Found, checkpoint, find_out};
use super::super::operation::Job;
use super::super::{now, partitions};
use super::{Drive, gone};

impl Drive {
    pub(super) async fn judge(&mut self, unit: Unit) -> Result<(), DriveError> {
        self.watch.polled.insert(unit.clone(), now());
        let Some(job) = self.job(&unit) else { return self.note(gone(unit)) };
        let Some(evidence) = self.script.task_of(&unit).map(|task| task.evidence) else { return Ok(()) };
        match find_out(&self.ground.site, &self.ground.texts, &job, evidence).await {
            Found::CannotAsk(why) => {
                tracing::warn!(%unit, why, "what became of it cannot be asked now");
                Ok(())
            }
            Found::Judged(Judgement::Done(proof)) => self.note(Event::Done { unit, proof, detail: None, output: None }),
            Found::Judged(Judgement::NotDone(proof)) => self.not_done(&job, proof).await,
            Found::Judged(Judgement::Running) => {
                let progress = self.state.part(&unit).map(|part| part.progress.clone());
                let is_known = progress == Some(PartProgress::Adopted);
                if is_known { Ok(()) } else { self.note(Event::StillRunning { unit }) }
            }
            Found::Judged(Judgement::Unknown(why)) => {
                self.watch.unknown.insert(unit, why);
                Ok(())
            }
            Found::Judged(Judgement::AskMark | Judgement::AskRunning | Judgement::AskDoneWhen) => Ok(()),
        }
    }

    /// A unit is not done; where it goes by batches, the last one of them may be and not stand in the journal.
    pub(super) async fn not_done(&mut self, job: &Job, proof: Proof) -> Result<(), DriveError> {
        let unit = job.unit.clone();
        if let Some(last) = self.state.walk(&unit).map(|walk| walk.batch) {
            match checkpoint(&self.ground.site, job).await {
                Ok(Some(found)) if found.batch > last => {
                    let Checkpoint { batch, high, rows } = found;
                    self.note(Event::Advanced { unit: unit.clone(), batch, high, rows, ms: 0 })?;
                }
                Ok(_) => {}
                Err(why) => {
                    tracing::warn!(%unit, why, "how far it came cannot be asked now");
                    return Ok(());
                }
            }
        }
        self.note(Event::NotDone { unit, proof })
    }

    /// Ends a unit on its server. One that is under way here then gives its own answer.
    pub(super) async fn end(&mut self, unit: Unit) -> Result<(), DriveError> {
        self.watch.polled.insert(unit.clone(), now());
        self.watch.ending.insert(unit.clone());
        self.flights.cancel(&unit);
        let Some(job) = self.job(&unit) else { return self.note(gone(unit)) };
        let is_here = self.watch.in_flight.contains(&unit);
        let is_command = matches!(job.operation.action, Action::Command { .. });
        let is_statement = self.script.task_of(&unit).is_some_and(|task| task.evidence.mark || task.evidence.lookup);
        if is_command && !is_here {
            process::end(&job.tag, process::GRACE).await;
        } else if is_statement && !is_command {
            let ended = match job.database(&self.ground.site).await {
                Ok(database) => database.end(&job.tag).await.map_err(|error| error.to_string()),
                Err(fault) => Err(fault.message),
            };
            let ended = match ended {
                Ok(_) if !is_here => partitions::clean(&self.ground.site, &self.ground.texts, &job).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                let error = self.ground.site.scrub.clean(&error);
                tracing::warn!(%unit, error, "it could not be ended on its server");
                return Ok(());
            }
        }
        if is_here { Ok(()) } else { self.note(Event::CutOff { unit }) }
    }
}
