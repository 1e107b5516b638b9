//! The notes of an upgrade, which a person confirms: by name, by title, or at the terminal.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use nix::pty::openpty;

use super::walked;
use crate::support::{Bakery, assert_whole};

#[test]
fn it_rests_before_a_deploy_that_needs_a_word_and_after_one() {
    let bakery = Bakery::new();
    assert_whole!("acknowledgement", walked(&bakery.run(&["apply", "--to", "1.2", "--yes"])));
    assert_eq!((bakery.version().as_str(), bakery.deployed().len()), ("1.0.0", 0));
    bakery.exits(10, &["apply", "--yes"]);
    // By its title; the other one is missing when its release runs.
    bakery.exits(10, &["apply", "--yes", "--acknowledge", "Make a backup"]);
    assert_eq!(bakery.version(), "1.2.0");
    let status = bakery.status();
    assert_eq!(status["upgrade"]["rest"]["notes"][0], "taste-the-bread");
    assert_eq!(status["upgrade"]["steps"][1]["notes"][0]["by"], "ann");
    bakery.exits(0, &["apply", "--yes", "--acknowledge", "taste-the-bread"]);
    bakery.assert_walked();
}

#[test]
fn a_note_that_the_plan_does_not_have_is_refused() {
    let bakery = Bakery::new();
    assert_whole!(
        "no_such_note",
        bakery.run(&["apply", "--to", "1.2", "--yes", "--acknowledge", "make-a-bakup"]).whole()
    );
}

/// Types lines at a terminal, each once a question is asked, and gives what was shown with the exit code.
pub(super) fn typed(bakery: &Bakery, arguments: &[&str], answers: &[(&str, &str)]) -> (String, i32) {
    let terminal = openpty(None, None).expect("a terminal can be had");
    let own = |fd: &std::os::fd::OwnedFd| Stdio::from(fd.try_clone().expect("it can be shared"));
    let mut child = bakery
        .command(arguments)
        .stdin(own(&terminal.slave))
        .stdout(Stdio::null())
        .stderr(own(&terminal.slave))
        .spawn()
        .expect("the program can be started");
    drop(terminal.slave);
    let mut keys = std::fs::File::from(terminal.master.try_clone().expect("it can be shared"));
    let mut screen = std::fs::File::from(terminal.master);
    let (mut shown, mut buffer, mut answers) = (String::new(), [0; 4096], answers.iter());
    let mut next = answers.next();
    // Its end is an error where nobody holds the terminal any more.
    while let Ok(length) = screen.read(&mut buffer) {
        if length == 0 {
            break;
        }
        shown.push_str(&String::from_utf8_lossy(&buffer[..length]));
        if let Some((question, answer)) = next.filter(|(question, _)| shown.contains(question)) {
            assert!(shown.contains(question));
            keys.write_all(format!("{answer}\n").as_bytes()).expect("it can be typed");
            next = answers.next();
        }
    }
    let code = child.wait().expect("it ends").code().expect("it was not killed");
    (shown.replace('\r', ""), code)
}

const QUESTION: &str = "To upgrade `local` to 1.2.0, type its name: ";

#[test]
fn at_a_terminal_it_asks_for_the_environment_and_for_each_note() {
    let bakery = Bakery::new();
    let answers =
        [(QUESTION, "local"), ("type make-a-backup: ", "make-a-backup"), ("type taste-the-bread: ", "taste-the-bread")];
    let (shown, code) = typed(&bakery, &["apply", "--to", "1.2"], &answers);
    assert_eq!(code, 0, "{shown}");
    bakery.assert_walked();
}

#[test]
fn another_answer_means_no() {
    let bakery = Bakery::new();
    let (shown, code) = typed(&bakery, &["apply", "--to", "1.2"], &[(QUESTION, "yes")]);
    assert!(code == 10 && shown.contains("nothing was done"), "{shown}");
    assert_eq!(bakery.status()["upgrade"], serde_json::Value::Null);
    let answers = [("type make-a-backup: ", "later")];
    let (shown, code) = typed(&bakery, &["apply", "--to", "1.2", "--yes"], &answers);
    assert_eq!(code, 10, "{shown}");
    assert_eq!((bakery.version().as_str(), bakery.deployed().len()), ("1.0.0", 0));
}
