//! `orchestrate lint`: what is wrong with the files, and what a rule is about.

use std::time::Instant;

use crate::check::{check, rules};
use crate::manifest::Broken;
use crate::model::{Finding, Severity, did_you_mean};

use super::args::{Global, LintArguments, LintFormat};
use super::failure::{Exit, Failure};
use super::figures::counted;
use super::output::{Output, style};
use super::{findings, project};

pub(super) fn run(global: &Global, arguments: &LintArguments, output: &mut Output) -> Result<Exit, Failure> {
    if let Some(rule) = &arguments.explain {
        return explain(rule, output);
    }
    let (catalog, sources) = project::read(global)?;
    let found: Vec<Finding> = match &catalog {
        Ok(catalog) => {
            let start = Instant::now();
            let found = check(catalog);
            tracing::info!(findings = found.len(), elapsed_ms = start.elapsed().as_millis(), "checked");
            found
        }
        Err(Broken(broken)) => broken.clone(),
    };
    match arguments.format {
        LintFormat::Text if found.is_empty() => {
            if !global.quiet {
                // What comes with the program is no file of the project.
                let own = sources.keys().filter(|path| global.project.join(&***path).exists()).count();
                output.talk(&format!("{}, no findings", counted(own, "file")));
            }
        }
        LintFormat::Text => output.data(&format!("{}\n\n{}", findings::text(&found, &sources), summary(&found))),
        LintFormat::Json => output.data(&format!("{:#}", findings::json(&found))),
        LintFormat::Sarif => {
            let rules: Vec<(&str, &str)> = rules().iter().map(|rule| (rule.name, rule.summary)).collect();
            output.data(&format!("{:#}", findings::sarif(&found, &rules)));
        }
        LintFormat::Github if found.is_empty() => {}
        LintFormat::Github => output.data(&findings::github(&found)),
    }
    let fails = |finding: &Finding| arguments.strict || finding.severity == Severity::Error;
    Ok(if found.iter().any(fails) { Exit::InvalidManifests } else { Exit::Done })
}

fn summary(found: &[Finding]) -> String {
    let count = |severity| found.iter().filter(|finding| finding.severity == severity).count();
    format!("{}, {}", counted(count(Severity::Error), "error"), counted(count(Severity::Warning), "warning"))
}

fn explain(name: &str, output: &mut Output) -> Result<Exit, Failure> {
    let rules = rules();
    if name.is_empty() {
        let lines: Vec<String> = rules.iter().map(|rule| format!("{:<28} {}", rule.name, rule.summary)).collect();
        output.data(&lines.join("\n"));
        return Ok(Exit::Done);
    }
    let Some(rule) = rules.iter().find(|rule| rule.name == name) else {
        let known = rules.iter().map(|rule| rule.name);
        let hint = did_you_mean(name, known, || "`orchestrate lint --explain` lists all of them".to_owned());
        return Err(Failure::new(Exit::Usage, format!("there is no rule `{name}`")).hint(hint));
    };
    let text = textwrap::fill(rule.explanation, 100);
    output.data(&format!("{}: {}\n\n{text}", style::title(rule.name), rule.summary));
    Ok(Exit::Done)
}
