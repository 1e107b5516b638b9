//! The documentation tells the truth: every `$ orchestrate …` in a console block of the README and of docs/ is run in the
//! repository, the demo in an empty folder, and what stands below it is what the program says. Digests may differ.

use std::path::{Path, PathBuf};

use crate::support::{Project, repository, run_in};

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

/// The commands of a page's console blocks, each with what is shown below it.
fn transcripts(page: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(page).expect("a page can be read");
    let mut transcripts: Vec<(String, String)> = Vec::new();
    let mut in_console = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_console = line == "```console";
        } else if in_console && let Some(command) = line.strip_prefix("$ ") {
            transcripts.push((command.to_owned(), String::new()));
        } else if in_console && let Some((_, output)) = transcripts.last_mut() {
            output.push_str(line);
            output.push('\n');
        }
    }
    transcripts
}

/// Texts without what every edit of a file changes.
fn settled(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut settled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        settled.push_str("sha256:");
        settled.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit() || c == '…'));
    }
    settled.trim_end().to_owned()
}

#[test]
fn every_transcript_is_true() {
    let mut run = 0;
    for page in pages() {
        for (command, shown) in transcripts(&page) {
            let mut words = command.split_whitespace();
            assert_eq!(words.next(), Some("orchestrate"), "{}: `{command}` cannot be run here", page.display());
            let arguments: Vec<&str> = words.collect();
            let scratch = Project::new();
            let folder = if arguments.first() == Some(&"demo") { scratch.path() } else { repository() };
            let outcome = run_in(folder, &arguments);
            // On a terminal the two streams mix: either may come first.
            let said = format!("{}{}", outcome.stderr, outcome.stdout);
            let other = format!("{}{}", outcome.stdout, outcome.stderr);
            let is_true = [&said, &other].iter().any(|said| settled(said) == settled(&shown));
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
