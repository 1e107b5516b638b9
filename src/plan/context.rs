//! What the texts of a plan know: the step, and the variables of the environment, of which there are none offline.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::Version;

use super::line::Stop;

/// The context of a step's texts.
#[derive(Serialize)]
pub(super) struct Context {
    step: Step,
    vars: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Step {
    number: usize,
    app: String,
    chart: Option<String>,
    image_override: bool,
    image_tag: Option<String>,
    from_app: String,
    from_chart: Option<String>,
}

impl Context {
    pub fn new(number: usize, stop: &Stop<'_>, image_tag: Option<&str>, from: &Stop<'_>) -> Context {
        let text = |version: &Option<Version>| version.as_ref().map(Version::to_string);
        let step = Step {
            number,
            app: stop.app.to_string(),
            chart: text(&stop.chart),
            image_override: stop.image_override,
            image_tag: image_tag.map(str::to_owned),
            from_app: from.app.to_string(),
            from_chart: text(&from.chart),
        };
        Context { step, vars: BTreeMap::new() }
    }
}
