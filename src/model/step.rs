//! What templates know of a step of a plan: `step`.

use serde::{Deserialize, Serialize};

/// The step that is being deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepNames {
    /// Its number in the plan, from 1.
    pub number: usize,
    /// The app version.
    pub app: String,
    /// The chart version.
    pub chart: Option<String>,
    /// Whether the chart would deploy another image.
    pub image_override: bool,
    /// The image's tag in that case.
    pub image_tag: Option<String>,
    /// The app version before it.
    pub from_app: String,
    /// The chart version before it.
    pub from_chart: Option<String>,
}

impl StepNames {
    /// The name of its deploy's runs.
    pub fn deploy_name(&self) -> String {
        match &self.chart {
            Some(chart) => format!("deploy/{}@{chart}", self.app),
            None => format!("deploy/{}", self.app),
        }
    }
}
