//! The platform: its programs are there, and it tells which version runs.

use crate::model::{Platform, Version};

use super::super::needs::{self, Missing};
use super::super::site::Site;
use super::{Finding, Patient, in_time, texts};

/// What a platform needs and tells; with the version that runs.
pub(super) async fn look(patient: &Patient<'_>) -> (Vec<Finding>, Option<Version>) {
    let Some(platform) = patient.platform else {
        let advice =
            "name one with `platform:` in orchestrate.yaml; until then the version that runs is said with --at";
        return (vec![Finding::doubtful("platform", "none is declared, so nothing can be deployed", advice)], None);
    };
    let about = format!("platform {}", platform.name);
    let mut findings = needs(&about, platform, patient.site);
    let running = in_time(patient.site.running(None, &texts())).await;
    findings.push(match &running {
        Ok(version) => runs(&about, version, patient),
        Err(why) => Finding::bad(
            &about,
            format!("which version runs is not known: {why}"),
            match patient.site.version.as_ref() {
                Some(probe) => format!("make its `version` probe answerable ({})", probe.place),
                None => format!("give environments.{}.version a probe in orchestrate.yaml", patient.site.environment),
            },
        ),
    });
    (findings, running.ok())
}

fn runs(about: &str, version: &Version, patient: &Patient<'_>) -> Finding {
    let product = patient.product;
    let is_known =
        !product.releases_of(version).is_empty() || product.recommended.values().any(|pair| pair.app == *version);
    if is_known {
        return Finding::good(about, format!("{} {version} runs", product.title));
    }
    let message = format!("{} {version} runs, which is no release that the project lists", product.title);
    Finding::doubtful(about, message, "add it to the upgrade path; until then it is placed by its number")
}

/// Every program and every variable that a deploy needs is there.
fn needs(about: &str, platform: &Platform, site: &Site) -> Vec<Finding> {
    let deploy = platform.procedure(&platform.name);
    let program = |missing: Missing| {
        let message = format!("there is no program `{}` ({})", missing.name, missing.place);
        Finding::bad(about, message, "install it, or put its folder into PATH")
    };
    let var = |missing: Missing| {
        let Missing { name, place } = missing;
        let advice = format!("set environments.{}.vars.{name} in orchestrate.yaml", site.environment);
        Finding::bad(about, format!("the variable `{name}` is not set ({place})"), advice)
    };
    let mut findings: Vec<Finding> = needs::vars(&deploy, site).into_iter().map(var).collect();
    findings.extend(needs::tools(&deploy, site, &texts()).into_iter().map(program));
    if findings.is_empty() {
        findings.push(Finding::good(about, "the programs and variables of its deploys are there"));
    }
    findings
}
