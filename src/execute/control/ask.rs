//! Asks things of runs, their owners among them.

use std::time::Duration;

use crate::run::{ProcedureKind, Request, State, Status};
use crate::store::{RunFilter, RunRow};

use super::super::folded::Folded;
use super::super::now;
use super::super::observe::Observer;
use super::{Came, ControlError, Desk, KIND, Wish, document};

/// How often it is looked whether an owner took something in.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Desk {
    /// Asks something of a migration's latest run. Where a living process owns it, that one is told; else the run is taken
    /// up here and driven until it rests.
    pub async fn ask(&self, name: &str, wish: Wish, observer: &mut dyn Observer) -> Result<Came, ControlError> {
        let never = || ControlError::NeverStarted { name: name.to_owned() };
        let row = self.latest(name).await?.ok_or_else(never)?;
        let mut folded = Folded::default();
        let state = self.read_on(&row, &mut folded).await?;
        self.refuse_unfit(name, state, &wish.request, &row).await?;
        let is_held = row.holder.as_ref().is_some_and(|holder| holder.left_ms > 0);
        if is_held
            && !goes_on(&wish.request, state)
            && let Some(came) = self.tell(&row, &wish, &mut folded).await?
        {
            return Ok(came);
        }
        let lease = self.take(&row, observer).await?;
        // Between reading and taking it may have gone on.
        let state = self.read_on(&row, &mut folded).await?.clone();
        self.refuse_unfit(name, &state, &wish.request, &row).await?;
        if !matches!(wish.request, Request::Pause | Request::Tune { .. }) {
            return self.take_up(lease, state, Some(wish), observer).await;
        }
        // Nobody works on it, and this is no reason to begin.
        self.write_down(lease, state, wish, observer).await
    }

    /// Refuses what does not fit to where a run stands, and says what would.
    pub(super) async fn refuse_unfit(
        &self,
        name: &str,
        state: &State,
        request: &Request,
        row: &RunRow,
    ) -> Result<(), ControlError> {
        if !(state.accepts(request) || goes_on(request, state)) {
            return Err(ControlError::DoesNotFit {
                name: name.to_owned(),
                status: state.status,
                because: state.because.clone(),
            });
        }
        if !matches!(request, Request::Rollback | Request::Stop { rollback: true }) {
            return Ok(());
        }
        if state.given.document.kind == ProcedureKind::Deploy && state.status == Status::Completed {
            let because = "it is deployed; what runs is changed by deploying another release".to_owned();
            return Err(ControlError::NoWayBack { name: name.to_owned(), because });
        }
        let migration = document(state)?;
        let engine = |target: &str| self.site.engine(target);
        let script = crate::run::Script::of(&migration, engine);
        if let Some((operation, reason)) = state.point_of_no_return(&script) {
            let because = format!("`{operation}` was begun and is irreversible: {reason}");
            return Err(ControlError::NoWayBack { name: name.to_owned(), because });
        }
        let dependents = self.dependents(row).await?;
        if let (Status::Completed, Some(other)) = (state.status, dependents.first()) {
            let because = format!("{other} depends on it and is not rolled back; roll that back first");
            return Err(ControlError::NoWayBack { name: name.to_owned(), because });
        }
        Ok(())
    }

    /// The migrations that were begun, are not taken back, and depend on a run's migration.
    pub(super) async fn dependents(&self, row: &RunRow) -> Result<Vec<String>, ControlError> {
        let filter = RunFilter {
            environment: Some(row.run.environment.clone()),
            product: Some(row.run.product.clone()),
            limit: 10_000,
            ..RunFilter::default()
        };
        let mut seen = std::collections::BTreeSet::new();
        let mut dependents = Vec::new();
        for other in self.store.runs(&filter).await? {
            let is_latest = seen.insert(other.run.name.clone());
            let status = Status::parse(&other.summary.status);
            let is_undone = matches!(status, Some(Status::RolledBack | Status::Blocked | Status::NotRequired) | None);
            if other.run.kind != KIND || !is_latest || is_undone || other.run.id == row.run.id {
                continue;
            }
            let migration = document(&self.read(&other).await?)?;
            if migration.depends_on.iter().any(|on| on.as_str() == row.run.name) {
                dependents.push(other.run.name);
            }
        }
        Ok(dependents)
    }

    /// Tells the owner of a run, and waits until it has taken that in; nothing where it is gone before.
    async fn tell(&self, row: &RunRow, wish: &Wish, folded: &mut Folded) -> Result<Option<Came>, ControlError> {
        let body = serde_json::to_string(wish).expect("wishes have only texts for keys");
        let number = self.store.request(&row.run.id, &body, now().0).await?;
        loop {
            // In this order: whoever takes it in may let go of the run at once.
            let holder = self.store.run(&row.run.id).await?.and_then(|row| row.holder);
            let state = self.read_on(row, folded).await?;
            if state.requests_settled >= number {
                return Ok(Some(Came { run: row.run.id.clone(), state: state.clone(), outcome: None }));
            }
            if holder.is_none_or(|holder| holder.left_ms <= 0) {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The state of a run, of whose journal a part was read before.
    async fn read_on<'a>(&self, row: &RunRow, folded: &'a mut Folded) -> Result<&'a State, ControlError> {
        folded.read_on(&self.store, &row.run.id).await?;
        folded.state().ok_or_else(|| ControlError::NeverStarted { name: row.run.name.clone() })
    }
}

/// Whether asking for it means no more than to go on with a run that works, or did until its owner ended.
fn goes_on(request: &Request, state: &State) -> bool {
    let is_at_it = match request {
        Request::Resume => state.status.is_active(),
        Request::Rollback => state.status == Status::RollingBack,
        Request::Stop { .. } | Request::Pause | Request::Retry | Request::Resolve { .. } | Request::Tune { .. } => {
            false
        }
    };
    is_at_it && !state.accepts(request)
}
