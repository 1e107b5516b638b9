//! No bytes make the loader panic, and every finding's place lies inside its file, where its line and column say.

use std::sync::{Arc, OnceLock};

use orchestrate::config::read_project;
use orchestrate::manifest::{Broken, SourceFile, Sources, load};
use orchestrate::model::Place;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;

use crate::support::repository;

/// Every YAML file that is checked in: the repository's own and those of the fixture with every key.
fn checked_in() -> &'static [SourceFile] {
    static FILES: OnceLock<Vec<SourceFile>> = OnceLock::new();
    FILES.get_or_init(|| {
        let own = read_project(repository()).expect("the repository is a project");
        let fixture = repository().join("tests/fixtures/every-key");
        own.into_iter().chain(read_project(&fixture).expect("the fixture is a project")).collect()
    })
}

/// A place lies inside its file, and its line and column are those of its first byte.
fn check_place(place: &Place, sources: &Sources) -> Result<(), TestCaseError> {
    let text = sources.get(&place.file).expect("a place is in a file that was read");
    let (start, end) = (place.start as usize, place.end as usize);
    prop_assert!(start <= end && end <= text.len(), "{place}: {start}..{end} of {} bytes", text.len());
    prop_assert!(
        text.is_char_boundary(start) && text.is_char_boundary(end),
        "{place}: {start}..{end} cuts a character"
    );
    let above = &text[..start];
    let line = above.matches('\n').count() + 1;
    let column = above.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    prop_assert_eq!((place.line as usize, place.column as usize), (line, column), "{} at byte {}", place, start);
    prop_assert!(line <= text.lines().count() + 1);
    Ok(())
}

fn check_load(files: Vec<SourceFile>) -> Result<(), TestCaseError> {
    let (catalog, sources) = load(files);
    let Err(Broken(findings)) = catalog else { return Ok(()) };
    prop_assert!(!findings.is_empty());
    for finding in findings {
        check_place(&finding.place, &sources)?;
        finding.related.iter().try_for_each(|(place, _)| check_place(place, &sources))?;
    }
    Ok(())
}

/// One change of a text.
#[derive(Clone, Debug)]
enum Mutation {
    DeleteLine(Index),
    DuplicateLine(Index),
    SwapLines(Index, Index),
    Indent(Index, usize),
    DeleteCharacter(Index),
    DuplicateCharacter(Index),
    ReplaceCharacter(Index, char),
    Truncate(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let character = prop_oneof![
        prop::sample::select("{}[]:,-?&*!|>'\"%@#\t\r\n é\u{feff}\u{0}\u{2028}0".chars().collect::<Vec<_>>()),
        any::<char>(),
    ];
    prop_oneof![
        any::<Index>().prop_map(Mutation::DeleteLine),
        any::<Index>().prop_map(Mutation::DuplicateLine),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Mutation::SwapLines(a, b)),
        (any::<Index>(), 0usize..12).prop_map(|(line, blanks)| Mutation::Indent(line, blanks)),
        any::<Index>().prop_map(Mutation::DeleteCharacter),
        any::<Index>().prop_map(Mutation::DuplicateCharacter),
        (any::<Index>(), character).prop_map(|(at, character)| Mutation::ReplaceCharacter(at, character)),
        any::<Index>().prop_map(Mutation::Truncate),
    ]
}

fn mutate(text: &str, mutation: &Mutation) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let mut characters: Vec<char> = text.chars().collect();
    if lines.is_empty() {
        return String::new();
    }
    match mutation {
        Mutation::DeleteLine(at) => drop(lines.remove(at.index(lines.len()))),
        Mutation::DuplicateLine(at) => {
            let line = at.index(lines.len());
            lines.insert(line, lines[line].clone());
        }
        Mutation::SwapLines(a, b) => {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
        }
        Mutation::Indent(at, blanks) => {
            let line = at.index(lines.len());
            lines[line] = format!("{}{}", " ".repeat(*blanks), lines[line].trim_start());
        }
        Mutation::DeleteCharacter(at) => drop(characters.remove(at.index(characters.len()))),
        Mutation::DuplicateCharacter(at) => {
            let character = at.index(characters.len());
            characters.insert(character, characters[character]);
        }
        Mutation::ReplaceCharacter(at, by) => {
            let character = at.index(characters.len());
            characters[character] = *by;
        }
        Mutation::Truncate(at) => characters.truncate(at.index(characters.len())),
    }
    match mutation {
        Mutation::DeleteLine(_) | Mutation::DuplicateLine(_) | Mutation::SwapLines(..) | Mutation::Indent(..) => {
            lines.concat()
        }
        Mutation::DeleteCharacter(_)
        | Mutation::DuplicateCharacter(_)
        | Mutation::ReplaceCharacter(..)
        | Mutation::Truncate(_) => characters.into_iter().collect(),
    }
}

const PATHS: [&str; 6] = [
    "orchestrate.yaml",
    "manifests/demo/0001_a.yaml",
    "upgrade-paths/demo.yaml",
    "upgrade-paths/demo.releases.yaml",
    "templates/platforms/own.yaml",
    "templates/runbooks/restart.yaml",
];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_are_loaded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), path in prop::sample::select(&PATHS[..])) {
        check_load(vec![SourceFile { path: Arc::from(path), bytes }])?;
    }

    #[test]
    fn any_text_that_looks_like_yaml_is_loaded_or_refused(
        text in "(format: orchestrate/v1\n)?([-:?&*!|>'\"%@#{}\\[\\], \n\r\ta-c1.é]{0,60})",
        path in prop::sample::select(&PATHS[..]),
    ) {
        check_load(vec![SourceFile { path: Arc::from(path), bytes: text.into_bytes() }])?;
    }

    #[test]
    fn any_mutation_of_what_is_checked_in_is_loaded_or_refused(
        file in any::<Index>(), mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let file = file.get(checked_in());
        let mut text = String::from_utf8(file.bytes.clone()).expect("what is checked in is UTF-8");
        for mutation in &mutations {
            text = mutate(&text, mutation);
        }
        check_load(vec![SourceFile { path: Arc::clone(&file.path), bytes: text.into_bytes() }])?;
    }
}
