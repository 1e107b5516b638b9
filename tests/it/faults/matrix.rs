//! The crash matrix: every kind of operation, done and taken back, cut off at every point, on every engine.

use futures_util::StreamExt as _;

use super::installation::{Ended, On};
use super::kinds::{Kinds, NAME};
use super::line::Line;
use super::trail::{assert_sound, essence, whole};

const EVERYWHERE: [On; 4] = [On::Sqlite, On::Postgres, On::ClickHouse, On::OldClickHouse];
const POINTS: [&str; 4] = ["before-record", "after-record", "before-effect", "after-effect"];
/// Cells that are worked on at once: they mostly wait for leases to end.
const AT_ONCE: usize = 4;

/// What a run without any fault leaves behind.
struct Clean {
    done: Vec<String>,
    undone: Vec<String>,
}

async fn forth(kinds: &Kinds, fault: Option<&str>) -> Ended {
    kinds.forget().await;
    let variables: Vec<(&str, &str)> = fault.map(|fault| ("ORCHESTRATE_FAULT", fault)).into_iter().collect();
    kinds.installation.begin(&["start", NAME], &variables).end().await
}

async fn back(kinds: &Kinds, fault: Option<&str>) -> Ended {
    let variables: Vec<(&str, &str)> = fault.map(|fault| ("ORCHESTRATE_FAULT", fault)).into_iter().collect();
    kinds.installation.begin(&["rollback", NAME], &variables).end().await
}

/// Each effect is there once, where its operation is repeatable maybe twice; none else is there.
async fn assert_effects(kinds: &Kinds, clean: &[String], told: &str) {
    let effects = kinds.effects().await;
    let journal = whole(&kinds.installation.journal(NAME).await);
    let names: Vec<&String> = effects.keys().collect();
    let expected: Vec<&String> = clean.iter().collect();
    assert_eq!(names, expected, "{told}\n{journal}");
    for (name, count) in &effects {
        let at_most = if name.ends_with("repeated") { 2 } else { 1 };
        assert!(*count <= at_most, "{told}: {name} took place {count} times\n{journal}");
    }
}

async fn assert_like(kinds: &Kinds, clean: &[String], told: &str) {
    let journal = kinds.installation.journal(NAME).await;
    assert_sound(&journal, told);
    assert_eq!(essence(&journal), clean, "{told}\n{}", whole(&journal));
}

/// Runs it forth and back without any fault.
async fn clean(kinds: &Kinds) -> (Clean, Clean) {
    let ended = forth(kinds, None).await;
    assert_eq!(ended.code, Some(10), "a person is asked at the end: {ended:?}");
    kinds.see_through(ended, "completed", "clean").await;
    let effects_done = kinds.effects().await;
    let done = essence(&kinds.installation.journal(NAME).await);
    let ended = back(kinds, None).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let effects_undone = kinds.effects().await;
    let undone = essence(&kinds.installation.journal(NAME).await);
    let all: Vec<u32> = effects_undone.values().copied().collect();
    assert_eq!(all, vec![1; all.len()], "{effects_undone:?}");
    let effects = Clean { done: effects_done.into_keys().collect(), undone: effects_undone.into_keys().collect() };
    (effects, Clean { done, undone })
}

/// One fault on the way forth, then the same on the way back; whether it took place at all.
async fn cell(kinds: &Kinds, effects: &Clean, journals: &Clean, fault: &str) -> bool {
    let told = format!("{:?} {fault}", kinds.installation.on);
    let ended = forth(kinds, Some(fault)).await;
    let crashed_forth = ended.code.is_none();
    kinds.see_through(ended, "completed", &told).await;
    assert_effects(kinds, &effects.done, &told).await;
    assert_like(kinds, &journals.done, &told).await;
    let told = format!("{told}, back");
    let ended = back(kinds, Some(fault)).await;
    let crashed_back = ended.code.is_none();
    kinds.see_through(ended, "rolled_back", &told).await;
    assert_effects(kinds, &effects.undone, &told).await;
    assert_like(kinds, &journals.undone, &told).await;
    crashed_forth || crashed_back
}

async fn crashes(on: On, point: &str) -> u32 {
    let kinds = Kinds::on(on).await;
    let (effects, journals) = clean(&kinds).await;
    for count in 1.. {
        if !cell(&kinds, &effects, &journals, &format!("{point}:{count}")).await {
            return count - 1;
        }
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_point_changes_nothing() {
    let cells = EVERYWHERE.into_iter().flat_map(|on| POINTS.map(|point| (on, point)));
    let counts: Vec<u32> = futures_util::stream::iter(cells)
        .map(|(on, point)| crashes(on, point))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert!(counts.iter().all(|count| *count >= 11), "{counts:?}");
}

/// Messages to a server whose answers are lost: those that carry an operation's statement, and the ends of transactions.
const MESSAGES: [(On, &str); 4] = [
    (On::Postgres, "/* orchestrate:"),
    (On::Postgres, "COMMIT"),
    (On::ClickHouse, "INSERT INTO"),
    (On::OldClickHouse, "INSERT INTO"),
];

async fn lost_answers(on: On, message: &'static str) -> u32 {
    let mut kinds = Kinds::on(on).await;
    let (effects, journals) = clean(&kinds).await;
    let line = Line::to(&kinds.installation.target_url).await;
    let through = line.through(&kinds.installation.target_url);
    kinds.installation.variables.insert("TARGET_URL".to_owned(), through);
    for count in 1.. {
        let told = format!("{on:?}, the answer to `{message}` {count} is lost");
        line.lose(message, count);
        let ended = forth(&kinds, None).await;
        let was_lost = line.has_lost();
        kinds.see_through(ended, "completed", &told).await;
        assert_effects(&kinds, &effects.done, &told).await;
        assert_like(&kinds, &journals.done, &told).await;
        line.lose(message, count);
        let ended = back(&kinds, None).await;
        let was_lost = line.has_lost() || was_lost;
        kinds.see_through(ended, "rolled_back", &told).await;
        assert_effects(&kinds, &effects.undone, &told).await;
        assert_like(&kinds, &journals.undone, &told).await;
        if !was_lost {
            return count - 1;
        }
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_changes_nothing() {
    let counts: Vec<u32> = futures_util::stream::iter(MESSAGES)
        .map(|(on, message)| lost_answers(on, message))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert!(counts.iter().all(|count| *count >= 2), "{counts:?}");
}
