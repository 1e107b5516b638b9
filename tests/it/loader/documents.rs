//! Files as a whole: format, kind, folder, name.

use super::{migration, of};

#[test]
fn formats() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_a.yaml", "format: orchestrate/v2\nkind: migration\nname: whatever\nnew_key: 1\n"),
        ("manifests/demo/0002_b.yaml", "kind: migration\nname: 0002_b\noperations: []\n"),
        ("manifests/demo/0003_c.yaml", "fromat: orchestrate/v1\nkind: migration\nname: 0003_c\noperations: []\n"),
        ("manifests/demo/0004_d.yaml", "format: 1\nkind: migration\n"),
        ("manifests/demo/0005_e.yaml", "format: v1\nkind: migration\n"),
        ("templates/values.yaml", "image: x\nreplicas: 1\n"),
    ]));
}

#[test]
fn kinds() {
    insta::assert_snapshot!(of(&[
        (
            "manifests/demo/0001_a.yaml",
            "format: orchestrate/v1\nkind: migraton\nname: 0001_a\noperations: []\nextra: 1\n"
        ),
        ("manifests/demo/0002_b.yaml", "format: orchestrate/v1\nname: 0002_b\noperations: []\n"),
        ("manifests/demo/0003_c.yaml", "format: orchestrate/v1\nkind: upgrade-path\nreleases: []\n"),
        ("manifests/0004_d.yaml", "format: orchestrate/v1\nkind: migration\nname: 0004_d\noperations: []\n"),
        ("manifests/demo/0005_e.yaml", "format: orchestrate/v1\nkind: job\nname: 0005_e\noperations: []\n"),
        ("upgrade-paths/demo.yaml", "format: orchestrate/v1\nkind: release\nreleases: []\n"),
        ("templates/platforms/own.yaml", "format: orchestrate/v1\nkind: runbook\noperations: []\n"),
        ("templates/runbooks/restart.yaml", "format: orchestrate/v1\nknd: runbook\noperations: []\n"),
        ("orchestrate.yaml", "format: orchestrate/v1\nkind: [project]\n"),
    ]));
}

#[test]
fn names_and_stems() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_b.yaml", &migration("operations: []\n")),
        (
            "manifests/demo/Über Größe.yaml",
            "format: orchestrate/v1\nkind: migration\nname: Über Größe\noperations: []\n"
        ),
        ("manifests/demo/0003.old.yaml", "format: orchestrate/v1\nkind: migration\nname: '0003'\noperations: []\n"),
        ("manifests/demo/0004.yaml", "format: orchestrate/v1\nkind: migration\nname: 0004\noperations: []\n"),
        (
            "manifests/demo/0005_e.yaml",
            "format: orchestrate/v1\nkind: migration\nname: >\n  0005\n  e\noperations: []\n"
        ),
        ("upgrade-paths/demo.yaml", "format: orchestrate/v1\nkind: upgrade-path\nproduct: demonstration\n"),
        ("templates/runbooks/restart.yaml", "format: orchestrate/v1\nkind: runbook\nname: reboot\noperations: []\n"),
    ]));
}

#[test]
fn products_and_project_files_of_other_names() {
    insta::assert_snapshot!(of(&[
        ("manifests/My Product/0001_a.yaml", &migration("operations: []\n")),
        ("manifests/My Product/0002_b.yaml", "format: orchestrate/v1\nkind: migration\nname: 0002_b\noperations: []\n"),
        ("upgrade-paths/Other.yaml", "format: orchestrate/v1\nkind: upgrade-path\n"),
        ("orchestrate.yml", "format: orchestrate/v1\nkind: project\nproduct: demo\n"),
    ]));
}

#[test]
fn misspelt_keys_are_one_mistake() {
    insta::assert_snapshot!(of(&[
        (
            "manifests/demo/0001_a.yaml",
            "format: orchestrate/v1\nkind: migration\nnam: 0001_a\nwindow: {mn: 1.0.0}\ndependson: []\noperatons: []\ncolour: red\n",
        ),
        (
            "upgrade-paths/demo.yaml",
            "format: orchestrate/v1\nkind: upgrade-path\nreleases:\n  - {ap: 1.0.0}\nnotes:\n  - {crosing: {app: 1.0.0}, title: t, body: b}\n  \
             - {crossing: {apps: 1.0.0}, titel: t, body: b}\nrequired_stop: []\n",
        ),
    ]));
}
