//! Finds out what became of a unit in doubt, by the questions that [`crate::run::judge`] wants asked.

use crate::database::{Checkpoint, Database, DatabaseError, Trouble};
use crate::model::Action;
use crate::process;
use crate::run::{Answer, Asked, Evidence, FaultKind, Judgement, Verdict, compare, judge};

use super::observation::{own_sql, verdict};
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
        let probe = job.operation.done_when.as_ref();
        if let (Judgement::AskDoneWhen, Some(probe)) = (&judgement, probe)
            && own_sql(job, probe).is_none()
        {
            asked.done_when = Some(verdict(site, texts, job, probe).await);
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
                done_when(site, texts, job, &database).await.map(|verdict| asked.done_when = Some(verdict))
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

async fn done_when(site: &Site, texts: &Texts, job: &Job, database: &Database) -> Result<Verdict, DatabaseError> {
    let unknown = |why: &str| Ok(Verdict::Unknown(why.to_owned()));
    let Some(probe) = &job.operation.done_when else { return unknown("it is not there") };
    let Some(sql) = own_sql(job, probe) else { return unknown("it asks something else") };
    let context = job.context(site, texts);
    let name = job.operation.target.as_deref().unwrap_or_default();
    let rendered = site.sql(sql, name, &context).and_then(|sql| Ok((sql, site.expectation(&probe.expect, &context)?)));
    let (sql, expect) = match rendered {
        Ok(rendered) => rendered,
        Err(error) => return unknown(&error),
    };
    let answer = match database.ask(&sql, probe.timeout.unwrap_or(job.timeout)).await {
        Ok(Some(value)) => Answer::Value(value),
        Ok(None) => Answer::Nothing,
        Err(error) if error.trouble == Trouble::Refused => Answer::Error(site.scrub.clean(&error.to_string())),
        Err(error) => return Err(error),
    };
    Ok(compare(&expect, &answer))
}
