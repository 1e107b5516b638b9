//! The platform: its programs are there, and it tells which version runs.

use crate::model::{Platform, Version};

use super::super::needs::{programs, vars};
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
    let Some(probe) = &patient.site.version else {
        let message = "nothing tells which version runs: a person's word counts";
        let advice = "write `version:` in the environment if anything can tell it; until then plans need --from";
        findings.push(Finding::doubtful(&about, message, advice));
        return (findings, None);
    };
    let running = in_time(patient.site.running(None, &texts())).await;
    findings.push(match &running {
        Ok(version) => runs(&about, version, patient),
        Err(why) => Finding::bad(
            &about,
            format!("which version runs is not known: {why}"),
            format!("make its `version` probe answerable ({})", probe.place),
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

/// Every program that the platform starts is found, and every variable that it uses is set.
fn needs(about: &str, platform: &Platform, site: &Site) -> Vec<Finding> {
    let procedure = platform.procedure("deploy");
    let programs = programs(&procedure, site, &texts());
    let missing = programs.iter().filter(|(_, is_there)| !is_there).map(|(program, _)| {
        let message = format!("there is no program `{}`", program.name);
        Finding::bad(about, message, "install it, or put its folder into PATH")
    });
    let unset = vars(&procedure, site).into_iter().map(|missing| {
        let message = format!("its variable `{}` is not set", missing.name);
        let advice = format!("set environments.{}.vars.{} in orchestrate.yaml", site.environment, missing.name);
        Finding::bad(about, message, advice)
    });
    let mut findings: Vec<Finding> = missing.chain(unset).collect();
    if findings.is_empty() && !programs.is_empty() {
        let all: Vec<&str> = programs.iter().map(|(program, _)| program.name.as_str()).collect();
        findings.push(Finding::good(about, format!("its programs are there: {}", all.join(", "))));
    }
    findings
}
