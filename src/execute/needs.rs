//! What a procedure needs of this machine and of its environment, told before anything is touched: programs, variables.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::model::{Action, Migration, Operation, Place, Probe, Question, Template};
use crate::template::{Context, outputs_used, vars_needed};

use super::checks::all_operations;
use super::site::{Site, Texts};

/// Something that a procedure needs, mostly because it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// Where it is needed first.
    pub place: Place,
}

/// The programs of a procedure, and of the question which version runs: each with where it is named first, and whether this
/// machine has it.
pub fn programs(procedure: &Migration, site: &Site, texts: &Texts) -> Vec<(Missing, bool)> {
    let mut found: BTreeMap<String, (Place, bool)> = BTreeMap::new();
    let mut note = |argv: &[Template], cwd: Option<&Template>, context: &Context| {
        let Some(program) = argv.first().filter(|program| outputs_used(&program.text).is_empty()) else { return };
        let Ok(name) = site.text(program, context) else { return };
        let cwd = cwd.and_then(|cwd| site.text(cwd, context).ok()).map(PathBuf::from);
        if !name.is_empty() {
            let is_there = is_there(&name, cwd.as_deref());
            found.entry(name).or_insert_with(|| (program.place.clone(), is_there));
        }
    };
    for operation in all_operations(procedure) {
        let context = site.context(texts, operation.target.as_deref(), None);
        if let Action::Command { argv, cwd, .. } = &operation.action {
            note(argv, cwd.as_ref(), &context);
        }
    }
    for probe in probes(procedure, site) {
        if let Question::Command { argv } = &probe.question {
            note(argv, None, &site.context(texts, None, None));
        }
    }
    let told = |name: &str, place| Missing { name: site.scrub.clean(name), place };
    found.into_iter().map(|(name, (place, is_there))| (told(&name, place), is_there)).collect()
}

/// Those of them that this machine does not have.
pub fn tools(procedure: &Migration, site: &Site, texts: &Texts) -> Vec<Missing> {
    programs(procedure, site, texts).into_iter().filter(|(_, is_there)| !is_there).map(|(program, _)| program).collect()
}

/// The variables of the environment that a procedure, or the question which version runs, uses and that are not set.
/// Statements are not looked through: what cannot be rendered in them is told by itself.
pub fn vars(procedure: &Migration, site: &Site) -> Vec<Missing> {
    let mut missing: BTreeMap<String, Place> = BTreeMap::new();
    let of_operations = all_operations(procedure).flat_map(texts);
    let of_probes = probes(procedure, site).filter(|probe| probe.target().is_none()).flat_map(Probe::templates);
    for template in of_operations.chain(of_probes) {
        let needed: BTreeSet<String> = vars_needed(&template.text);
        for name in needed.into_iter().filter(|name| !site.vars.contains_key(name)) {
            missing.entry(name).or_insert_with(|| template.place.clone());
        }
    }
    missing.into_iter().map(|(name, place)| Missing { name, place }).collect()
}

/// Every probe of a procedure, and the question which version runs.
fn probes<'a>(procedure: &'a Migration, site: &'a Site) -> impl Iterator<Item = &'a Probe> {
    let of_operations = all_operations(procedure).flat_map(|operation| operation.probes().map(|(_, probe)| probe));
    of_operations.chain(procedure.probes().map(|(_, probe)| probe)).chain(&site.version)
}

/// The texts of an operation that are no SQL.
fn texts(operation: &Operation) -> Vec<&Template> {
    match &operation.action {
        Action::Command { argv, env, cwd } => argv.iter().chain(env.values()).chain(cwd).collect(),
        Action::Http { url, headers, body, .. } => std::iter::once(url).chain(headers.values()).chain(body).collect(),
        Action::Manual { ask } => vec![ask],
        Action::Sql { .. }
        | Action::ForEach { .. }
        | Action::Copy { .. }
        | Action::Backfill { .. }
        | Action::Wait { .. }
        | Action::Verify { .. } => Vec::new(),
    }
}

/// Whether a program can be started: by its path, or by its name in one of the folders of `PATH`.
fn is_there(name: &str, cwd: Option<&Path>) -> bool {
    let is_program =
        |path: &Path| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    if name.contains('/') {
        return is_program(&cwd.map_or_else(|| PathBuf::from(name), |cwd| cwd.join(name)));
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| is_program(&folder.join(name)))
}
