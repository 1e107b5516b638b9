//! The units that this process is at: each a task of its own, which can be told to end.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::run::{Fault, FaultKind, Unit};
use crate::store::{Heartbeat, Store};

use super::fault::{self, Point};
use super::journal::Pulse;
use super::operation::Job;
use super::perform::{Came, perform};
use super::site::{Site, Texts};

/// Units under way.
#[derive(Default)]
pub(super) struct Flights {
    tasks: JoinSet<(Unit, Came)>,
    cancels: BTreeMap<Unit, CancellationToken>,
}

/// What every unit needs.
#[derive(Clone)]
pub(super) struct Ground {
    pub site: Arc<Site>,
    pub texts: Arc<Texts>,
    pub store: Arc<Store>,
    pub heartbeat: Heartbeat,
    pub pulse: Pulse,
}

impl Ground {
    /// Whether the run is still this process's own; it waits while the store is away.
    pub async fn is_ours(&self) -> bool {
        self.pulse.confirm(&self.store, &self.heartbeat).await.is_ok()
    }
}

impl Flights {
    /// Begins a unit.
    pub fn begin(&mut self, ground: &Ground, job: Job) {
        let cancel = CancellationToken::new();
        self.cancels.insert(job.unit.clone(), cancel.clone());
        let ground = ground.clone();
        self.tasks.spawn(async move {
            let unit = job.unit.clone();
            let came = match ground.pulse.confirm(&ground.store, &ground.heartbeat).await {
                Ok(()) => {
                    fault::point(Point::BeforeEffect);
                    let came = perform(&ground, &job, &cancel).await;
                    fault::point(Point::AfterEffect);
                    came
                }
                Err(error) => {
                    Came::Failed(Fault { kind: FaultKind::Transient, message: format!("it was not sent: {error}") })
                }
            };
            (unit, came)
        });
    }

    /// Tells a unit that runs here to end, where it is a program or a call.
    pub fn cancel(&self, unit: &Unit) {
        if let Some(cancel) = self.cancels.get(unit) {
            cancel.cancel();
        }
    }

    /// Waits for the next unit to end. Never ends while none is under way.
    pub async fn next(&mut self) -> (Unit, Came) {
        loop {
            match self.tasks.join_next().await {
                Some(Ok((unit, came))) => {
                    self.cancels.remove(&unit);
                    return (unit, came);
                }
                Some(Err(error)) => {
                    // A task that ends without an answer leaves its unit in doubt: the process ends with it.
                    if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
                None => std::future::pending().await,
            }
        }
    }
}
