//! Takes runs up and goes on with them.

use std::sync::Arc;
use std::time::Duration;

use crate::run::{Event, ProcedureKind, State};
use crate::store::{Lease, RunRow, StoreError};
use crate::template::RunNames;

use super::super::drive::{Driven, drive};
use super::super::journal::{DriveError, Journal, Pulse};
use super::super::observe::Observer;
use super::super::site::Texts;
use super::super::{now, written};
use super::{Came, ControlError, Desk, Wish, busy, document};

/// How often a lease that is held is asked for again.
const TAKE_AGAIN: Duration = Duration::from_millis(200);

impl Desk {
    /// Goes on with a run that nobody owns, as its journal stands; nothing where it came to rest since the row was read.
    pub async fn go_on(&self, row: &RunRow, observer: &mut dyn Observer) -> Result<Option<Came>, ControlError> {
        let concurrent_max = self.settings().await?.max_concurrent;
        let lease = self.store.take(&row.run.id, &self.owner, self.lease, concurrent_max).await?;
        let state = self.read(row).await?;
        if !state.status.is_active() {
            self.store.release(&lease).await?;
            return Ok(None);
        }
        self.take_up(lease, state, None, observer).await.map(Some)
    }

    /// Takes a run, waiting for the lease of an owner that fell silent to end.
    pub(in crate::execute) async fn take(
        &self,
        row: &RunRow,
        observer: &mut dyn Observer,
    ) -> Result<Lease, ControlError> {
        let concurrent_max = self.settings().await?.max_concurrent;
        let mut told = false;
        let mut left_ms = row.holder.as_ref().map_or(0, |holder| holder.left_ms);
        loop {
            match self.store.take(&row.run.id, &self.owner, self.lease, concurrent_max).await {
                Ok(lease) => return Ok(lease),
                Err(StoreError::Held { owner, for_ms, .. }) => {
                    let is_other = row.holder.as_ref().is_none_or(|holder| holder.owner.id != owner.id);
                    // A lease that lives longer than at the last look was renewed: its owner is there.
                    if is_other || for_ms > left_ms {
                        let name = row.run.name.clone();
                        return Err(ControlError::Held { name, owner: owner.to_string() });
                    }
                    left_ms = for_ms;
                    if !told {
                        observer.waits(&format!("{owner} holds the run; its lease ends in {for_ms} ms if it is gone"));
                        told = true;
                    }
                }
                Err(StoreError::Busy { running, limit }) => return Err(busy(&row.run.name, running, limit)),
                Err(error) if error.is_transient() => observer.waits(&error.to_string()),
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = self.signals.stop.cancelled() => return Err(ControlError::Held {
                    name: row.run.name.clone(),
                    owner: "a process that may be gone".to_owned(),
                }),
                () = tokio::time::sleep(TAKE_AGAIN) => {}
            }
        }
    }

    /// Goes on with a run that is ours now.
    pub(super) async fn take_up(
        &self,
        lease: Lease,
        mut state: State,
        wish: Option<Wish>,
        observer: &mut dyn Observer,
    ) -> Result<Came, ControlError> {
        let (pending, seen) = self.taken(&lease, &mut state, wish).await?;
        self.drive(lease, state, pending, seen, observer).await
    }

    /// Writes down what is asked of a run that is ours now, for whoever takes it up next. Nothing of it is begun.
    pub(super) async fn write_down(
        &self,
        lease: Lease,
        mut state: State,
        wish: Wish,
        observer: &mut dyn Observer,
    ) -> Result<Came, ControlError> {
        let (events, _) = self.taken(&lease, &mut state, Some(wish)).await?;
        let (run, at) = (lease.run().clone(), now());
        let mut journal = Journal { store: Arc::clone(&self.store), lease, pulse: Pulse::new(self.lease) };
        journal.append(at, &events, &state, observer).await?;
        events.iter().for_each(|event| observer.happened(at, event, &state));
        journal.release().await?;
        Ok(Came { run, state, outcome: None })
    }

    /// What becomes of a run by being taken and asked; how far requests are settled by that.
    async fn taken(
        &self,
        lease: &Lease,
        state: &mut State,
        wish: Option<Wish>,
    ) -> Result<(Vec<Event>, i64), ControlError> {
        let mut pending = Vec::new();
        let mut note = |state: &mut State, event: Event| {
            let applied = state.apply(event.clone(), now()).map_err(DriveError::Journal);
            applied.map(|()| pending.push(event))
        };
        note(state, Event::Taken { owner: self.owner.to_string() })?;
        let mut seen = state.requests_settled;
        if let Some(Wish { request, by, reason }) = wish {
            // What was asked before and nobody took in is settled by this.
            let asked = self.store.requests(lease.run(), seen).await?;
            seen = asked.last().map_or(seen, |request| request.number);
            if state.accepts(&request) {
                note(state, Event::Asked { request, by, reason, number: seen })?;
            }
        }
        Ok((pending, seen))
    }

    pub(super) async fn drive(
        &self,
        lease: Lease,
        state: State,
        pending: Vec<Event>,
        requests_seen: i64,
        observer: &mut dyn Observer,
    ) -> Result<Came, ControlError> {
        let run = lease.run().clone();
        let migration = document(&state)?;
        let mut settings = self.settings().await?;
        // A runbook has people at it: one that fails stands where it failed until one of them says what to do.
        settings.auto_rollback &= state.given.document.kind != ProcedureKind::Runbook;
        let texts = Texts {
            parameters: state.given.parameters.clone(),
            step: state.given.step.clone(),
            run: Some(RunNames { id: run.as_str().to_owned(), started: written(state.given.at) }),
        };
        let driven = Driven {
            site: Arc::clone(&self.site),
            store: Arc::clone(&self.store),
            lease,
            lease_for: self.lease,
            migration,
            state,
            settings,
            texts,
            signals: self.signals.clone(),
            pending,
            requests_seen,
        };
        // Its future is large, and those of all verbs hold it.
        let (outcome, state) = Box::pin(drive(driven, observer)).await?;
        Ok(Came { run, state, outcome: Some(outcome) })
    }
}
