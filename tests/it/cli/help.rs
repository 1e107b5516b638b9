//! `--help` and `--version`: they tell what can be typed, with examples.

use crate::support::{assert_whole, repository, run_in};

#[test]
fn help_of_the_program_and_of_each_verb() {
    assert_whole!("program", run_in(repository(), &["--help"]).whole());
    for verb in [
        "plan", "gate", "lint", "schema", "status", "start", "stop", "pause", "resume", "rollback", "retry", "skip",
        "resolve", "tune", "errors", "journal", "settings", "runbook", "doctor", "worker",
    ] {
        let outcome = run_in(repository(), &[verb, "--help"]);
        assert!(outcome.stdout.contains("Examples:"), "{}", outcome.whole());
        assert_whole!(format!("verb_{verb}"), outcome.whole());
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let outcome = run_in(repository(), &["--version"]);
    assert_eq!(outcome.stdout, format!("orchestrate {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_mistyped_verb_or_option_is_wrong_usage() {
    assert_whole!("mistyped_verb", run_in(repository(), &["plna"]).whole());
    assert_whole!("mistyped_option", run_in(repository(), &["plan", "--form", "1.30", "--to", "1.41"]).whole());
}

/// Global options mean the same before and after the verb.
#[test]
fn global_options_may_stand_anywhere() {
    let before = run_in(repository(), &["--product", "sentry", "-q", "plan", "--from", "24.1", "--to", "24.2"]);
    let after = run_in(repository(), &["plan", "--from", "24.1", "--to", "24.2", "--product", "sentry", "-q"]);
    assert_eq!(before.code, 0, "{}", before.whole());
    assert_eq!(before.whole(), after.whole());
}
