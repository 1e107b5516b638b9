//! The files that every project has: platforms and runbooks that come with the program. A project's own file of the same name wins.

use std::collections::BTreeSet;

use crate::manifest::SourceFile;

/// Each with its path.
const FILES: [(&str, &str); 8] = [
    ("templates/platforms/command.yaml", include_str!("../../templates/platforms/command.yaml")),
    ("templates/platforms/compose.yaml", include_str!("../../templates/platforms/compose.yaml")),
    ("templates/platforms/ecs.yaml", include_str!("../../templates/platforms/ecs.yaml")),
    ("templates/platforms/helm.yaml", include_str!("../../templates/platforms/helm.yaml")),
    ("templates/platforms/heroku.yaml", include_str!("../../templates/platforms/heroku.yaml")),
    ("templates/platforms/manual.yaml", include_str!("../../templates/platforms/manual.yaml")),
    (
        "templates/runbooks/heroku-postgres-upgrade.yaml",
        include_str!("../../templates/runbooks/heroku-postgres-upgrade.yaml"),
    ),
    ("templates/runbooks/release.yaml", include_str!("../../templates/runbooks/release.yaml")),
];

/// A path without its ending: `a.yml` takes the place of `a.yaml`.
fn stem(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

/// The files of a project, with those that it does not have itself.
pub fn with_built_in(mut files: Vec<SourceFile>) -> Vec<SourceFile> {
    let own: BTreeSet<String> = files.iter().map(|file| stem(&file.path).to_owned()).collect();
    let missing = FILES.into_iter().filter(|(path, _)| !own.contains(stem(path)));
    files.extend(missing.map(|(path, text)| SourceFile { path: path.into(), bytes: text.as_bytes().to_vec() }));
    files
}
