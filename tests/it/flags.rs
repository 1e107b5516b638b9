//! Probes that ask for a file: it is there, it is not, or nobody may look.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use orchestrate::execute::{Scrub, Site, Texts};
use orchestrate::model::{Probe, Secret};
use orchestrate::run::Verdict;

use crate::support::catalog;

/// The throttle `hold`, which asks for a file of the installation's `folder`.
fn hold(file: &str) -> Probe {
    let text = format!(
        "format: orchestrate/v1\nkind: migration\nname: 0001_a\noperations: []\nthrottle:\n  \
         - {{name: hold, file: \"{{{{ vars.folder }}}}/{file}\", expect: false}}\n"
    );
    let catalog = catalog(&[("manifests/demo/0001_a.yaml", &text)]);
    let throttle = catalog.migrations().flat_map(|migration| &migration.throttle).next();
    throttle.expect("the migration has a throttle").probe.clone()
}

fn site(folder: &Path) -> Site {
    Site {
        environment: "local".to_owned(),
        targets: BTreeMap::new(),
        vars: BTreeMap::from([("folder".to_owned(), Secret::new(folder.display().to_string()))]),
        services: BTreeMap::new(),
        version: None,
        scrub: Scrub::default(),
        caller: OnceLock::new(),
    }
}

#[tokio::test]
async fn a_flag_file_says_no_as_long_as_it_is_there() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (site, probe, texts) = (site(folder.path()), hold("hold"), Texts::default());
    assert_eq!(site.ask(&probe, &texts).await, Verdict::Yes);
    std::fs::write(folder.path().join("hold"), "").expect("the file can be made");
    assert_eq!(site.ask(&probe, &texts).await, Verdict::No("true".to_owned()));
    std::fs::remove_file(folder.path().join("hold")).expect("the file can be deleted");
    assert_eq!(site.ask(&probe, &texts).await, Verdict::Yes);
}

#[tokio::test]
async fn where_nobody_can_look_the_answer_is_unknown() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("no-folder"), "").expect("the file can be made");
    let told = |verdict| match verdict {
        Verdict::Unknown(why) => why,
        known @ (Verdict::Yes | Verdict::No(_)) => panic!("{known:?}"),
    };
    let why = told(site(folder.path()).ask(&hold("no-folder/hold"), &Texts::default()).await);
    assert!(why.ends_with("no-folder/hold: Not a directory (os error 20)"), "{why}");
    let why = told(site(Path::new("run")).ask(&hold("hold"), &Texts::default()).await);
    assert_eq!(why, "`run/hold` is not a whole path");
}
