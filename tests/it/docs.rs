//! The documentation tells the truth: every `$ orchestrate …` in a console block of the README and of docs/ is run, and
//! what stands below it is what the program says. Digests, times, ids and processes may differ. The commands of a page run
//! in the repository, the demo in an empty folder, and those below `<!-- transcripts: FOLDER -->` one after another in a copy
//! of that folder; `<!-- transcripts: . -->` leads back to the repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::{Project, VARYING, files_of_page, repository, run_in};

/// The markdown files that people read.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/decisions"] {
        for entry in std::fs::read_dir(repository().join(folder)).expect("the folder is there") {
            let path = entry.expect("an entry can be read").path();
            pages.extend(Some(path).filter(|path| path.extension().is_some_and(|extension| extension == "md")));
        }
    }
    pages.sort();
    pages
}

/// A command of a page with what is shown below it.
struct Transcript {
    folder: String,
    command: String,
    shown: String,
}

/// The commands of a page's console blocks.
fn transcripts(page: &Path) -> Vec<Transcript> {
    let text = std::fs::read_to_string(page).expect("a page can be read");
    let mut transcripts: Vec<Transcript> = Vec::new();
    let mut in_console = false;
    let mut folder = ".".to_owned();
    for line in text.lines() {
        let marked = line.strip_prefix("<!-- transcripts: ").and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(marked) = marked {
            marked.clone_into(&mut folder);
        } else if line.starts_with("```") {
            in_console = line == "```console";
        } else if in_console && let Some(command) = line.strip_prefix("$ ") {
            let (folder, command) = (folder.clone(), command.to_owned());
            transcripts.push(Transcript { folder, command, shown: String::new() });
        } else if in_console && let Some(last) = transcripts.last_mut() {
            last.shown.push_str(line);
            last.shown.push('\n');
        }
    }
    transcripts
}

/// Texts without what differs from run to run.
fn settled(text: &str) -> String {
    let mut settled = text.replace("sha256:…", "sha256:");
    for (pattern, replacement) in VARYING {
        let pattern = regex::Regex::new(pattern).expect("the patterns are constants");
        settled = pattern.replace_all(&settled, replacement).into_owned();
    }
    settled.replace("sha256:…", "sha256:").trim_end().to_owned()
}

/// A copy of a folder that commands run in.
fn copy(folder: &str) -> Project {
    let project = Project::new();
    for file in orchestrate::config::read_project(&repository().join(folder)).expect("the folder is a project") {
        project.write(&file.path, file.bytes);
    }
    project
}

/// The words of a command; quotes hold several together.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in command.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().expect("there is one from the beginning").push(c),
        }
    }
    words
}

#[test]
fn every_transcript_is_true() {
    let mut run = 0;
    for page in pages() {
        let mut copies: BTreeMap<String, Project> = BTreeMap::new();
        for Transcript { folder, command, shown } in transcripts(&page) {
            let folder = match folder.as_str() {
                "." => repository(),
                _ => copies.entry(folder.clone()).or_insert_with(|| copy(&folder)).path(),
            };
            let words = words(&command);
            assert_eq!(words[0], "orchestrate", "{}: `{command}` cannot be run here", page.display());
            let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            let empty = (arguments.first() == Some(&"demo")).then(Project::new);
            let outcome = run_in(empty.as_ref().map_or(folder, Project::path), &arguments);
            let said = format!("{}{}", outcome.stderr, outcome.stdout);
            let other = format!("{}{}", outcome.stdout, outcome.stderr);
            let shown = settled(&shown);
            // On a terminal the two streams mix: either may come first.
            let is_true = [&said, &other].iter().any(|said| settled(said) == shown);
            assert!(is_true, "{}: `{command}` says\n{said}\nand not\n{shown}", page.display());
            run += 1;
        }
    }
    assert!(run > 0, "the README shows no transcript");
}

#[test]
fn every_link_within_the_documentation_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page can be read");
        for rest in text.split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default().split('#').next().unwrap_or_default();
            let is_ours = !link.is_empty() && !link.contains("://") && !link.contains(' ');
            let folder = page.parent().expect("a page is in a folder");
            if is_ours && !folder.join(link).exists() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_files_that_the_page_on_manifests_shows_are_a_project_without_findings() {
    let files = files_of_page("docs/manifests.md");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert!(files.len() >= 8, "{files:?}");
    let outcome = Project::with(&files).run(&["lint", "--strict"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.whole());
}
