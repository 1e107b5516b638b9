//! Works off what nobody owns: runs that were handed over, and those whose owner ended or fell silent.

use std::time::Duration;

use crate::run::Status;
use crate::store::{RunFilter, RunRow, StoreError};

use super::control::{Came, ControlError, Desk, KIND, Start};
use super::journal::DriveError;
use super::observe::Observer;

/// How often the store is looked through for work.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it is asked whether a migration may begin.
const BEGIN_EVERY: Duration = Duration::from_secs(15);

/// The runs that should go on and have no living owner, the earliest first.
async fn ownerless(desk: &Desk) -> Result<Vec<RunRow>, StoreError> {
    let filter = RunFilter {
        environment: Some(desk.site.environment.clone()),
        product: Some(desk.product.clone()),
        unfinished_only: true,
        limit: 1000,
        ..RunFilter::default()
    };
    let rows = desk.store.runs(&filter).await?;
    let is_work = |row: &RunRow| {
        row.run.kind == KIND
            && row.holder.as_ref().is_none_or(|holder| holder.left_ms <= 0)
            && Status::parse(&row.summary.status).is_some_and(Status::is_active)
    };
    Ok(rows.into_iter().filter(is_work).rev().collect())
}

/// Takes up the next run that has no owner, and drives it until it rests; nothing where there is none.
pub async fn work_once(desk: &Desk, observer: &mut dyn Observer) -> Result<Option<Came>, ControlError> {
    for row in ownerless(desk).await? {
        match desk.go_on(&row, observer).await {
            Ok(Some(came)) => return Ok(Some(came)),
            // Its owner brought it to its end since it was listed.
            Ok(None) => {}
            // Another worker was faster, or the limit is reached: there may be other work.
            Err(ControlError::Drive(DriveError::Store(StoreError::Held { .. } | StoreError::Busy { .. }))) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Begins the next migration that may run and that nobody began, where the settings say so; nothing where there is none.
///
/// One that was rolled back, failed or stopped is a person's. One that was blocked is begun once its checks pass.
async fn begin_next(
    desk: &Desk,
    candidates: &[Start<'_>],
    observer: &mut dyn Observer,
) -> Result<Option<Came>, ControlError> {
    if !desk.settings().await?.auto_start {
        return Ok(None);
    }
    for candidate in candidates {
        let row = desk.latest(candidate.migration.name.as_str()).await?;
        let status = row.and_then(|row| Status::parse(&row.summary.status));
        if !matches!(status, None | Some(Status::Blocked)) || !desk.may_start(candidate).await? {
            continue;
        }
        match desk.start(candidate, observer).await {
            Ok(came) => return Ok(Some(came)),
            Err(
                ControlError::Held { .. }
                | ControlError::Unfinished { .. }
                | ControlError::Refused { .. }
                | ControlError::Busy { .. },
            ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The next thing to do: what was begun comes first.
async fn next(
    desk: &Desk,
    candidates: &[Start<'_>],
    observer: &mut dyn Observer,
    may_begin: bool,
) -> Result<Option<Came>, ControlError> {
    match work_once(desk, observer).await? {
        None if may_begin => begin_next(desk, candidates, observer).await,
        came => Ok(came),
    }
}

/// Works until it is told to let go. Of the candidates it begins those that may run, where the settings say so.
pub async fn work(
    desk: &Desk,
    candidates: &[Start<'_>],
    observer: &mut dyn Observer,
    mut came: impl FnMut(&Came),
) -> Result<(), ControlError> {
    let mut looked_at: Option<tokio::time::Instant> = None;
    loop {
        if desk.signals.let_go.is_cancelled() || desk.signals.stop.is_cancelled() {
            return Ok(());
        }
        let may_begin = looked_at.is_none_or(|at| at.elapsed() >= BEGIN_EVERY);
        if may_begin {
            looked_at = Some(tokio::time::Instant::now());
        }
        match next(desk, candidates, observer, may_begin).await {
            Ok(Some(done)) => {
                came(&done);
                // It may have opened the way for the next one.
                looked_at = None;
                continue;
            }
            Ok(None) => {}
            Err(ControlError::Drive(DriveError::LeaseLost)) => observer.waits("another process took the run over"),
            Err(ControlError::Drive(DriveError::Store(error))) if error.is_transient() => {
                observer.waits(&error.to_string());
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = desk.signals.let_go.cancelled() => return Ok(()),
            () = desk.signals.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
