//! Finds out what became of a unit in doubt, by the questions that [`crate::run::judge`] wants asked.

use crate::database::{Checkpoint, Database, DatabaseError, Trouble};
use crate::model::Action;
use crate::process;
use crate::run::{Answer, Asked, Evidence, FaultKind, Judgement, judge};

use super::operation::Job;
use super::site::{Site, Texts};

/// What became of a unit.
pub(super) enum Found {
    /// This.
    Judged(Judgement),
    /// Its target cannot be asked now.
    CannotAsk(String),
}

/// Asks until there is a judgement.
pub(super) async fn find_out(site: &Site, texts: &Texts, job: &Job, evidence: Evidence) -> Found {
    let mut asked = Asked::default();
    loop {
        let judgement = judge(evidence, &asked);
        let wants_database = matches!(judgement, Judgement::AskMark | Judgement::AskRunning | Judgement::AskDoneWhen);
        if !wants_database {
            return Found::Judged(judgement);
        }
        if judgement == Judgement::AskRunning && matches!(job.operation.action, Action::Command { .. }) {
            asked.running = Some(process::is_running(&job.tag));
            continue;
        }
        let database = match job.database(site).await {
            Ok(database) => database,
            Err(fault) if fault.kind == FaultKind::Transient => return Found::CannotAsk(fault.message),
            Err(fault) => return Found::Judged(Judgement::Unknown(fault.message)),
        };
        let answered = match judgement {
            Judgement::AskMark if asked.mark.is_none() => {
                database.has_mark(&job.tag).await.map(|is_there| asked.mark = Some(is_there))
            }
            Judgement::AskMark => database.has_mark(&job.tag).await.map(|is_there| asked.mark_after = Some(is_there)),
            Judgement::AskRunning => database.is_running(&job.tag).await.map(|runs| asked.running = Some(runs)),
            Judgement::AskDoneWhen => {
                done_when(site, texts, job, &database).await.map(|answer| asked.done_when = Some(answer))
            }
            Judgement::Done(_) | Judgement::NotDone(_) | Judgement::Running | Judgement::Unknown(_) => Ok(()),
        };
        if let Err(error) = answered {
            return unanswered(site, &error);
        }
    }
}

/// What the target keeps about the last batch of a unit, or why it cannot be asked.
pub(super) async fn checkpoint(site: &Site, job: &Job) -> Result<Option<Checkpoint>, String> {
    let database = job.database(site).await.map_err(|fault| fault.message)?;
    database.checkpoint(&job.tag).await.map_err(|error| site.scrub.clean(&error.to_string()))
}

fn unanswered(site: &Site, error: &DatabaseError) -> Found {
    let message = site.scrub.clean(&error.to_string());
    match error.trouble {
        Trouble::Transient
        | Trouble::Partial
        | Trouble::Lost
        | Trouble::Timeout
        | Trouble::Ended
        | Trouble::Running => Found::CannotAsk(message),
        Trouble::Refused => Found::Judged(Judgement::Unknown(message)),
    }
}

async fn done_when(site: &Site, texts: &Texts, job: &Job, database: &Database) -> Result<Answer, DatabaseError> {
    let name = job.operation.target.as_deref().unwrap_or_default();
    let Some(question) = &job.operation.done_when else { return Ok(Answer::Nothing) };
    let sql = match site.sql(question, name, &job.context(site, texts)) {
        Ok(sql) => sql,
        Err(error) => return Ok(Answer::Error(error)),
    };
    match database.ask(&sql, job.timeout).await {
        Ok(Some(value)) => Ok(Answer::Value(value)),
        Ok(None) => Ok(Answer::Nothing),
        Err(error) if error.trouble == Trouble::Refused => Ok(Answer::Error(site.scrub.clean(&error.to_string()))),
        Err(error) => Err(error),
    }
}
