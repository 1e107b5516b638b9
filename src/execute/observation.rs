//! What operations ask: what is waited for, what is verified, whether one is needed, and whether one has happened.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::{Expectation, Probe, Question, Template};
use crate::run::{Answer, Fault, FaultKind, Verdict, compare};

use super::operation::Job;
use super::perform::{Came, fault, refused, unsent};
use super::site::{PROBE_TIMEOUT, Site, Texts};

/// The database of the operation itself that a probe asks, where it asks that: then it is asked on the unit's own host.
pub(super) fn own_sql<'a>(job: &Job, probe: &'a Probe) -> Option<&'a Template> {
    match &probe.question {
        Question::Sql { target, sql } => {
            (job.operation.target.as_ref() == Some(target) && probe.answer.is_none()).then_some(sql)
        }
        Question::Command { .. } | Question::Http { .. } | Question::File { .. } | Question::Value { .. } => None,
    }
}

/// Asks something; what the connection does wrong is worth another try, since nothing was changed.
async fn ask(
    site: &Site,
    texts: &Texts,
    job: &Job,
    probe: &Probe,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<Result<Answer, Fault>, String> {
    let context = job.context(site, texts);
    let Some(sql) = own_sql(job, probe) else {
        return Ok(match site.answer_within(probe, &context, timeout, cancel).await {
            Answer::Error(message) => Err(Fault { kind: FaultKind::Transient, message }),
            answer @ (Answer::Value(_) | Answer::Nothing) => Ok(answer),
        });
    };
    let sql = site.sql(sql, job.operation.target.as_deref().unwrap_or_default(), &context)?;
    let database = match job.database(site).await {
        Ok(database) => database,
        Err(fault) => return Ok(Err(fault)),
    };
    Ok(match database.ask(&sql, timeout).await {
        Ok(Some(value)) => Ok(Answer::Value(value)),
        Ok(None) => Ok(Answer::Nothing),
        Err(error) => Err(unsent(fault(site, &error))),
    })
}

/// Asks once what is waited for.
pub(super) async fn wait(
    site: &Site,
    texts: &Texts,
    job: &Job,
    probe: &Probe,
    fail_when: Option<&Expectation>,
    cancel: &CancellationToken,
) -> Result<Came, String> {
    let context = job.context(site, texts);
    let expect = site.expectation(&probe.expect, &context)?;
    let fail_when = fail_when.map(|fail_when| site.expectation(fail_when, &context)).transpose()?;
    let answer = match ask(site, texts, job, probe, job.timeout.min(PROBE_TIMEOUT), cancel).await? {
        Ok(answer) => answer,
        Err(fault) if fault.kind == FaultKind::Transient => return Ok(Came::NotYet(Some(fault.message))),
        Err(fault) => return Ok(Came::Failed(fault)),
    };
    if fail_when.is_some_and(|fail_when| compare(&fail_when, &answer) == Verdict::Yes)
        && let Answer::Value(value) = &answer
    {
        let told = told(site, texts, job, probe, value).unwrap_or_else(|| format!("the answer is {value}"));
        return Ok(refused(site.scrub.clean(&told)));
    }
    Ok(match compare(&expect, &answer) {
        Verdict::Yes => Came::Done { told: None, output: value_of(site, &answer) },
        Verdict::No(value) => Came::NotYet(Some(site.scrub.clean(&value))),
        Verdict::Unknown(why) => Came::NotYet(Some(site.scrub.clean(&why))),
    })
}

/// Fails unless the answer is as it should be.
pub(super) async fn verify(
    site: &Site,
    texts: &Texts,
    job: &Job,
    probe: &Probe,
    cancel: &CancellationToken,
) -> Result<Came, String> {
    let expect = site.expectation(&probe.expect, &job.context(site, texts))?;
    let answer = match ask(site, texts, job, probe, job.timeout, cancel).await? {
        Ok(answer) => answer,
        Err(fault) => return Ok(Came::Failed(fault)),
    };
    let told = match compare(&expect, &answer) {
        Verdict::Yes => {
            let value = value_of(site, &answer);
            return Ok(Came::Done { told: value.clone(), output: value });
        }
        Verdict::No(value) => {
            told(site, texts, job, probe, &value).unwrap_or_else(|| format!("the answer is {value}, expected {expect}"))
        }
        Verdict::Unknown(why) => why,
    };
    Ok(refused(site.scrub.clean(&told)))
}

/// What a probe of an operation comes to.
pub(super) async fn verdict(site: &Site, texts: &Texts, job: &Job, probe: &Probe) -> Verdict {
    let expect = match site.expectation(&probe.expect, &job.context(site, texts)) {
        Ok(expect) => expect,
        Err(error) => return Verdict::Unknown(error),
    };
    let never = CancellationToken::new();
    match ask(site, texts, job, probe, PROBE_TIMEOUT, &never).await {
        Ok(Ok(answer)) => compare(&expect, &answer),
        Ok(Err(fault)) => Verdict::Unknown(fault.message),
        Err(message) => Verdict::Unknown(message),
    }
}

/// An answer, as later operations may use it.
fn value_of(site: &Site, answer: &Answer) -> Option<String> {
    match answer {
        Answer::Value(value) => Some(site.scrub.keep(value)),
        Answer::Nothing | Answer::Error(_) => None,
    }
}

/// What a probe says to a value that was not expected, where it says something.
fn told(site: &Site, texts: &Texts, job: &Job, probe: &Probe, value: &str) -> Option<String> {
    let mut context = job.context(site, texts);
    context.value = Some(serde_json::Value::String(value.to_owned()));
    site.text(probe.message.as_ref()?, &context).ok()
}
