//! Writing a run's journal: who holds its lease writes, and waits while the store is away.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::run::{Event, IllegalEvent, State, Timestamp};
use crate::store::{Batch, Heartbeat, Lease, Store, StoreError, Summary};

use super::fault::{self, Point};
use super::folded::{Fold, Folded};
use super::observe::Observer;

/// The first pause before the store is asked again.
const STORE_AGAIN: Duration = Duration::from_millis(200);
/// The longest pause before the store is asked again.
const STORE_AGAIN_MAX: Duration = Duration::from_secs(5);

/// Why a run is not driven any further; it stands in the store as it was last recorded.
#[derive(Debug, Error)]
pub enum DriveError {
    /// Another process owns the run now.
    #[error("another process took the run over")]
    LeaseLost,
    /// The store refuses.
    #[error("the journal cannot be written")]
    Store(#[source] StoreError),
    /// The journal holds what cannot have happened.
    #[error("the journal of the run cannot be followed")]
    Journal(#[source] IllegalEvent),
    /// The journal holds what cannot be read.
    #[error("event {sequence} of the journal cannot be read: {reason}")]
    Unreadable {
        /// Its place.
        sequence: i64,
        /// Why not.
        reason: String,
    },
    /// The document that the run started with cannot be read any more.
    #[error("the manifest that the run started with cannot be read: {0}")]
    Document(String),
}

impl From<StoreError> for DriveError {
    fn from(error: StoreError) -> DriveError {
        let is_lost = matches!(error, StoreError::LeaseLost { .. });
        if is_lost { DriveError::LeaseLost } else { DriveError::Store(error) }
    }
}

/// When the lease was last known to be ours; statements are sent only while that is fresh.
#[derive(Clone, Debug)]
pub struct Pulse {
    last: Arc<Mutex<Instant>>,
    lease: Duration,
    note: Arc<Mutex<String>>,
    /// Ends when the lease is known to be lost.
    pub(super) lost: CancellationToken,
}

impl Pulse {
    pub(super) fn new(lease: Duration) -> Pulse {
        let (last, note) = (Arc::new(Mutex::new(Instant::now())), Arc::default());
        Pulse { last, lease, note, lost: CancellationToken::new() }
    }

    fn beat(&self, asked_at: Instant) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = asked_at;
    }

    /// What goes into the store with the next heartbeat, for whoever looks at the run from outside.
    pub(super) fn say(&self, note: String) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }

    fn note(&self) -> String {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nobody can have taken the run since the lease was last confirmed.
    fn is_fresh(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < self.lease / 2
    }

    /// Makes sure that the lease is ours, right before something is done in the world. A process that was frozen finds
    /// out here that another one took over.
    pub(super) async fn confirm(&self, store: &Store, heartbeat: &Heartbeat) -> Result<(), DriveError> {
        while !self.is_fresh() {
            let asked_at = Instant::now();
            match store.renew(heartbeat, &self.note()).await {
                Ok(()) => self.beat(asked_at),
                Err(error) if error.is_transient() => tokio::time::sleep(STORE_AGAIN).await,
                Err(error) => {
                    self.lost.cancel();
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}

/// What keeps a lease alive beside the work.
pub(super) struct Kept {
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Kept {
    /// Keeps a lease alive from now on.
    pub fn begin(store: &Arc<Store>, heartbeat: &Heartbeat, pulse: &Pulse) -> Kept {
        let end = CancellationToken::new();
        let task = tokio::spawn(keep_alive(Arc::clone(store), heartbeat.clone(), pulse.clone(), end.clone()));
        Kept { end, task }
    }

    /// No longer.
    pub async fn end(self) {
        self.end.cancel();
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the heartbeat ended by itself");
        }
    }
}

/// Keeps a lease alive until it is told to end, or the lease is lost.
async fn keep_alive(store: Arc<Store>, heartbeat: Heartbeat, pulse: Pulse, end: CancellationToken) {
    let every = pulse.lease / 3;
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let asked_at = Instant::now();
        match store.renew(&heartbeat, &pulse.note()).await {
            Ok(()) => pulse.beat(asked_at),
            Err(error) if error.is_transient() => tracing::warn!(%error, "the lease could not be renewed"),
            Err(error) => {
                tracing::warn!(%error, "the lease is lost");
                pulse.lost.cancel();
                return;
            }
        }
    }
}

/// The place where a run's events go.
pub(super) struct Journal {
    pub store: Arc<Store>,
    pub lease: Lease,
    pub pulse: Pulse,
}

impl Journal {
    /// Appends events in one commit, however long the store is away.
    pub async fn append(
        &mut self,
        at: Timestamp,
        events: &[Event],
        state: &State,
        observer: &mut dyn Observer,
    ) -> Result<(), DriveError> {
        self.write(&batch(at, events, state), observer).await
    }

    /// Appends a batch, however long the store is away.
    pub async fn write(&mut self, batch: &Batch, observer: &mut dyn Observer) -> Result<(), DriveError> {
        let mut pause = STORE_AGAIN;
        loop {
            let asked_at = Instant::now();
            fault::point(Point::BeforeRecord);
            match self.store.append(&mut self.lease, batch).await {
                Ok(()) => {
                    fault::point(Point::AfterRecord);
                    self.pulse.beat(asked_at);
                    return Ok(());
                }
                Err(error) if error.is_transient() => observer.waits(&error.to_string()),
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = self.pulse.lost.cancelled() => return Err(DriveError::LeaseLost),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(STORE_AGAIN_MAX),
            }
        }
    }

    /// Gives the lease back.
    pub async fn release(&self) -> Result<(), DriveError> {
        self.store.release(&self.lease).await.or_else(|error| match error {
            error if error.is_transient() => Ok(()), // it runs out by itself
            error => Err(DriveError::from(error)),
        })
    }
}

/// Events as the store takes them, with where the run stands after them.
pub(super) fn batch(at: Timestamp, events: &[Event], state: &State) -> Batch {
    let write = |event: &Event| serde_json::to_string(event).expect("events have only texts for keys");
    let summary = Summary {
        status: state.status.key(),
        is_finished: state.is_over(),
        since_ms: state.since.0,
        detail: serde_json::json!({ "because": state.because }).to_string(),
    };
    Batch::new(at.0, events.iter().map(write).collect(), summary)
}

/// The state that a journal amounts to.
pub async fn read<S: Fold>(store: &Store, run: &crate::store::RunId) -> Result<Option<S>, DriveError> {
    let mut folded = Folded::default();
    folded.read_on(store, run).await?;
    Ok(folded.into_state())
}
