//! The platform: its programs are there, and it tells which version runs.

use std::collections::BTreeSet;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::model::{Action, Platform, Question, Template, Version};

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
    let mut findings = programs(&about, platform, patient.site);
    let running = in_time(patient.site.running(None, &texts())).await;
    findings.push(match &running {
        Ok(version) => runs(&about, version, patient),
        Err(why) => Finding::bad(
            &about,
            format!("which version runs is not known: {why}"),
            format!("make its `version` probe answerable ({})", platform.version.place),
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

/// Every program that the platform starts is found.
fn programs(about: &str, platform: &Platform, site: &Site) -> Vec<Finding> {
    let context = site.context(&texts(), None, None);
    let named = argvs(platform).into_iter().filter_map(|argv| site.text(argv.first()?, &context).ok());
    let programs: BTreeSet<String> = named.collect();
    if programs.is_empty() {
        return Vec::new();
    }
    let missing = programs.iter().filter(|program| !is_there(program));
    let mut findings: Vec<Finding> = missing
        .map(|program| {
            let message = format!("there is no program `{program}`");
            Finding::bad(about, message, "install it, or put its folder into PATH")
        })
        .collect();
    if findings.is_empty() {
        let all: Vec<&str> = programs.iter().map(String::as_str).collect();
        findings.push(Finding::good(about, format!("its programs are there: {}", all.join(", "))));
    }
    findings
}

fn argvs(platform: &Platform) -> Vec<&[Template]> {
    let named = platform.deploy.iter().chain(&platform.recover).chain(&platform.undo);
    let all = named.flat_map(|operation| std::iter::once(operation).chain(operation.undo.operation()));
    let commands = all.filter_map(|operation| match &operation.action {
        Action::Command { argv, .. } => Some(argv.as_slice()),
        Action::Sql { .. }
        | Action::ForEach { .. }
        | Action::Copy { .. }
        | Action::Backfill { .. }
        | Action::Wait { .. }
        | Action::Verify { .. }
        | Action::Http { .. }
        | Action::Manual { .. } => None,
    });
    let probe = match &platform.version.question {
        Question::Command { argv } => Some(argv.as_slice()),
        Question::Sql { .. } | Question::Http { .. } | Question::File { .. } => None,
    };
    commands.chain(probe).collect()
}

/// Whether a program would be found, as the system looks for it.
fn is_there(program: &str) -> bool {
    let is_program = |path: &Path| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    if program.contains('/') {
        return is_program(Path::new(program));
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| is_program(&folder.join(program)))
}
