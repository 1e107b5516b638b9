//! Targets: reachable, allowed to do what migrations do, with a clock that agrees and room to work.

use crate::database::Examination;

use super::super::site::{Site, SiteTarget};
use super::{Finding, clock, in_time, room};

/// What every target says of itself.
pub(super) async fn look(site: &Site) -> Vec<Finding> {
    let asked = site.targets.iter().map(|(name, target)| look_at(site, name, target));
    futures_util::future::join_all(asked).await.concat()
}

async fn look_at(site: &Site, name: &str, target: &SiteTarget) -> Vec<Finding> {
    let about = format!("target {name}");
    match in_time(target.database.examine()).await {
        Ok(examination) => judge(&about, target.database.engine().as_str(), &examination),
        Err(error) => {
            let advice =
                format!("check environments.{}.targets.{name} in orchestrate.yaml, and the server", site.environment);
            vec![Finding::bad(about, error, advice)]
        }
    }
}

fn judge(about: &str, engine: &str, examination: &Examination) -> Vec<Finding> {
    let Examination { version, clock, lacks, disks, largest } = examination;
    let mut findings = Vec::new();
    findings.extend(version.as_ref().map(|version| Finding::good(about, format!("{engine} {version} answers"))));
    if lacks.is_empty() {
        findings.push(Finding::good(about, "it lets its user do what migrations do"));
    }
    findings.extend(lacks.iter().map(|lack| match lack.is_certain {
        true => Finding::bad(about, &lack.message, &lack.advice),
        false => Finding::doubtful(about, &lack.message, &lack.advice),
    }));
    findings.extend(clock.as_ref().map(|clock| clock::judge(about, clock)));
    findings.extend(disks.iter().map(|disk| room::judge(about, disk, *largest)));
    findings
}
