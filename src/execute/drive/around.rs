//! What the loop waits for, and what it looks at meanwhile: requests, limits, progress.

use std::sync::Arc;
use std::time::Duration;

use crate::run::{Event, Request, Timestamp};

use super::super::control::{Wish, person};
use super::super::journal::DriveError;
use super::super::now;
use super::super::observe::Observer;
use super::super::progress::{self, Progress, Question};
use super::{Drive, Outcome};

/// How often requests of other processes are looked for.
pub(super) const REQUESTS_EVERY: Duration = Duration::from_millis(500);
/// How often progress is asked for.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

impl Drive {
    /// Waits for whatever comes first; an outcome where the run is let go.
    pub(super) async fn wait(
        &mut self,
        until: Option<Timestamp>,
        observer: &mut dyn Observer,
    ) -> Result<Option<Outcome>, DriveError> {
        self.looks_at = until;
        let look = REQUESTS_EVERY.saturating_sub(self.looked_at.elapsed());
        let for_ = until.map_or(look, |until| until.since(now()).min(look));
        tokio::select! {
            biased;
            () = self.ground.pulse.lost.cancelled() => return Err(DriveError::LeaseLost),
            () = self.signals.let_go.cancelled() => return Ok(Some(Outcome::LetGo)),
            () = self.signals.stop.cancelled(), if self.may_stop() => self.stop()?,
            (unit, came) = self.flights.next() => {
                self.watch.in_flight.remove(&unit);
                self.came(unit.clone(), came)?;
                self.watch.ending.remove(&unit);
            }
            (name, reading) = self.readings.next() => {
                self.watch.reading.remove(&name);
                self.watch.readings.insert(name, reading);
            }
            Some(Ok(progress)) = self.asking.join_next() => self.tell_progress(progress, observer),
            () = tokio::time::sleep(for_) => {}
        }
        self.look_around().await?;
        Ok(None)
    }

    /// Looks for requests and asks for progress now and then, however fast units come and go.
    pub(super) async fn look_around(&mut self) -> Result<(), DriveError> {
        if self.looked_at.elapsed() < REQUESTS_EVERY {
            return Ok(());
        }
        self.looked_at = tokio::time::Instant::now();
        self.requests().await?;
        self.ask_progress();
        Ok(())
    }

    pub(super) fn may_stop(&self) -> bool {
        self.state.accepts(&Request::Stop { rollback: false })
    }

    pub(super) fn stop(&mut self) -> Result<(), DriveError> {
        let by = person();
        self.note(Event::Asked { request: Request::Stop { rollback: false }, by, reason: None, number: 0 })
    }

    /// Takes in what other processes ask for. What does not fit is passed over: who asked sees that nothing came of it.
    pub(super) async fn requests(&mut self) -> Result<(), DriveError> {
        let asked = match self.ground.store.requests(self.journal.lease.run(), self.requests_seen).await {
            Ok(asked) => asked,
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for request in asked {
            self.requests_seen = request.number;
            let Ok(wish) = serde_json::from_str::<Wish>(&request.body) else { continue };
            if self.state.accepts(&wish.request) {
                let Wish { request: wish, by, reason } = wish;
                self.note(Event::Asked { request: wish, by, reason, number: request.number })?;
            }
        }
        Ok(())
    }

    pub(super) fn ask_progress(&mut self) {
        if !self.asking.is_empty() || self.asked_at.is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
            return;
        }
        self.asked_at = Some(tokio::time::Instant::now());
        let (site, texts) = (Arc::clone(&self.ground.site), Arc::clone(&self.ground.texts));
        let (flying, before) = (self.watch.in_flight.iter(), self.samples.moved());
        let question = Question::new(&site, &self.migration, &self.script, &self.state, flying, &self.run, before);
        self.asking.spawn(async move { question.answer(&site, &texts).await });
    }

    pub(super) fn tell_progress(&mut self, mut progress: Progress, observer: &mut dyn Observer) {
        let at = now();
        progress.waits_for = progress::waits_for(&self.state, self.looks_at, at).or(progress.waits_for);
        self.samples.add(at, self.state.direction, &mut progress);
        self.ground.pulse.say(serde_json::to_string(&progress).expect("progress has only texts for keys"));
        observer.progressed(&progress);
    }
}
