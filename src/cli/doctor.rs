//! `orchestrate doctor`: whether an installation is well, line by line, with what to do.

use serde::Serialize;

use crate::config::{FillError, Installation};
use crate::database::Database;
use crate::execute::doctor::{Finding, Patient, Rating, examine};

use super::args::{DoctorArguments, Global, RunFormat};
use super::desk::{self, Loaded, block_on};
use super::failure::{Exit, Failure};
use super::output::{Output, style};

/// What `doctor` answers, `orchestrate.doctor/v1`.
#[derive(Clone, Debug, Serialize)]
struct Document<'a> {
    format: &'static str,
    product: &'a str,
    environment: &'a str,
    /// Whether nothing is bad.
    is_well: bool,
    findings: &'a [Finding],
}

/// `doctor`.
pub(super) fn run(global: &Global, arguments: &DoctorArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let (mut filled, unfilled) = loaded.fill_in_part(global);
    let mut findings: Vec<Finding> = unfilled.iter().map(gap).collect();
    findings.extend(unopened(&mut filled));
    findings.push(settings(&filled));
    let store = Some(filled.store.clone()).filter(|_| !unfilled.iter().any(|error| error.key == "store"));
    let platform = loaded.declared().platform.as_ref().and_then(|name| loaded.catalog.platforms.get(name));
    block_on(async {
        let site = loaded.site(filled)?;
        let patient = Patient { site: &site, store: store.as_ref(), product: loaded.product(), platform };
        findings.extend(examine(&patient).await);
        let is_well = findings.iter().all(|finding| finding.rating != Rating::Bad);
        output.data(&match arguments.shown.format {
            RunFormat::Json => {
                let (product, environment) = (loaded.product.as_str(), loaded.environment.as_str());
                let format = "orchestrate.doctor/v1";
                let document = Document { format, product, environment, is_well, findings: &findings };
                serde_json::to_string(&document).expect("findings have only texts for keys")
            }
            RunFormat::Text => text(&loaded, &findings),
        });
        Ok(if is_well { Exit::Done } else { Exit::Unexpected })
    })
}

/// What cannot be filled in.
fn gap(error: &FillError) -> Finding {
    let advice = format!("set the variable, or write ${{NAME:-default}} ({})", error.place);
    Finding::bad(error.key.clone(), error.reason.to_string(), advice)
}

/// Targets whose URLs cannot be used are told and left out.
fn unopened(filled: &mut Installation) -> Vec<Finding> {
    let mut findings = Vec::new();
    filled.targets.retain(|name, target| match Database::open(&desk::location(name, target)) {
        Ok(_) => true,
        Err(error) => {
            let advice = format!("correct targets.{name} in orchestrate.yaml");
            findings.push(Finding::bad(format!("target {name}"), error.to_string(), advice));
            false
        }
    });
    findings
}

fn settings(filled: &Installation) -> Finding {
    match desk::declared_settings(filled) {
        Ok(_) if filled.settings.is_empty() => Finding::good("settings", "the defaults"),
        Ok(_) => {
            let names: Vec<&str> = filled.settings.keys().map(String::as_str).collect();
            Finding::good("settings", format!("{} besides the defaults", names.join(", ")))
        }
        Err(failure) => {
            Finding::bad("settings", failure.message(), "`orchestrate settings` lists them with what they take")
        }
    }
}

fn text(loaded: &Loaded, findings: &[Finding]) -> String {
    let mut text = format!("{} in {}\n", style::title(&loaded.product), style::title(&loaded.environment));
    let ratings = Rating::Doubtful.as_str().len();
    let abouts = findings.iter().map(|finding| finding.about.len()).max().unwrap_or(0);
    for Finding { about, rating, message, advice } in findings {
        let word = rating.as_str();
        let painted = match rating {
            Rating::Good => word.to_owned(),
            Rating::Doubtful => style::warning(word),
            Rating::Bad => style::error(word),
        };
        let padding = " ".repeat(ratings - word.len());
        text.push_str(&format!("\n  {painted}{padding}  {about:<abouts$}  {message}"));
        if let Some(advice) = advice {
            let column = " ".repeat(ratings + abouts + 6);
            text.push_str(&format!("\n{column}{}{advice}", style::hint("hint: ")));
        }
    }
    text
}
