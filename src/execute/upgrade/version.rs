//! Which version runs, held against a step: its own, the one that it begins at, or another.

use crate::model::{StepNames, Version};
use crate::run::{Answer, Verdict, compare};

use super::super::site::{Site, Texts};

/// What the platform's probe tells, as a step sees it.
pub(super) enum Runs {
    /// The step's version.
    Own(String),
    /// The version that the step begins at.
    Before(String),
    /// Another version.
    Another(String),
    /// Nobody can tell.
    Unknown(String),
}

/// Asks which version runs.
pub(super) async fn runs(site: &Site, texts: &Texts) -> Runs {
    let (Some(probe), Some(step)) = (&site.version, &texts.step) else {
        return Runs::Unknown("nothing tells it".to_owned());
    };
    let answer = site.answer(probe, &site.context(texts, probe.target(), None)).await;
    let told = |value: &str| site.scrub.clean(value.trim());
    match (is_meant(site, texts, &step.app, &answer), &answer) {
        (Ok(true), Answer::Value(value)) => return Runs::Own(told(value)),
        (Ok(_), _) => {}
        (Err(why), _) => return Runs::Unknown(why),
    }
    let Answer::Value(value) = &answer else { return Runs::Unknown("its platform tells no version".to_owned()) };
    if is_meant(site, texts, &step.from_app, &answer) == Ok(true) {
        return Runs::Before(told(value));
    }
    match Version::parse(value.trim()) {
        Ok(_) => Runs::Another(told(value)),
        Err(_) => Runs::Unknown(format!("`{}` is no version of the app", told(value))),
    }
}

/// Whether an answer means a version: it is what the probe expects for it, or it is that version in other words, such as
/// with a leading `v` or with the name of a build.
fn is_meant(site: &Site, texts: &Texts, app: &str, answer: &Answer) -> Result<bool, String> {
    let Some(probe) = &site.version else { return Ok(false) };
    let step = texts.step.clone().map(|step| StepNames { app: app.to_owned(), ..step });
    let context = site.context(&Texts { step, ..texts.clone() }, probe.target(), None);
    let verdict = compare(&site.expectation(&probe.expect, &context)?, answer);
    let is_same = match answer {
        Answer::Value(value) => Version::parse(value.trim()).is_ok_and(|told| Version::parse(app) == Ok(told)),
        Answer::Nothing | Answer::Error(_) => false,
    };
    match verdict {
        Verdict::Yes => Ok(true),
        Verdict::No(_) => Ok(is_same),
        Verdict::Unknown(_) if is_same => Ok(true),
        Verdict::Unknown(why) => Err(why),
    }
}
