//! The statements that run now: a flag for each, which the database looks at while it works.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::SqliteConnection;

/// Steps of its virtual machine between two looks at the flag: some tens of microseconds.
const STEPS: i32 = 1000;

/// The flags by tag.
#[derive(Clone, Default)]
pub(super) struct Running(Arc<Mutex<BTreeMap<String, Arc<AtomicBool>>>>);

/// A statement that runs until this is dropped; dropping ends it.
pub(super) struct Entry {
    running: Running,
    tag: String,
    ended: Arc<AtomicBool>,
}

impl Running {
    fn flags(&self) -> MutexGuard<'_, BTreeMap<String, Arc<AtomicBool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a statement, unless one with its tag is there.
    pub fn enter(&self, tag: &str) -> Option<Entry> {
        let mut flags = self.flags();
        if flags.contains_key(tag) {
            return None;
        }
        let ended = Arc::new(AtomicBool::new(false));
        flags.insert(tag.to_owned(), Arc::clone(&ended));
        Some(Entry { running: self.clone(), tag: tag.to_owned(), ended })
    }

    /// Whether it runs.
    pub fn has(&self, tag: &str) -> bool {
        self.flags().contains_key(tag)
    }

    /// Tells it to end; whether it ran.
    pub fn end(&self, tag: &str) -> bool {
        self.flags().get(tag).inspect(|ended| ended.store(true, Ordering::Relaxed)).is_some()
    }
}

impl Entry {
    /// Makes a connection look at the flag.
    pub async fn watch(&self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let ended = Arc::clone(&self.ended);
        connection.lock_handle().await?.set_progress_handler(STEPS, move || !ended.load(Ordering::Relaxed));
        Ok(())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.running.flags().remove(&self.tag);
    }
}

/// Makes a connection work without anybody who ends it.
pub(super) async fn unwatch(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    connection.lock_handle().await?.remove_progress_handler();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_runs_once_until_it_is_dropped() {
        let running = Running::default();
        let entry = running.enter("a").expect("nothing runs yet");
        assert!(running.enter("a").is_none() && running.has("a") && running.end("a"));
        assert!(entry.ended.load(Ordering::Relaxed));
        drop(entry);
        assert!(!running.has("a") && !running.end("a"));
    }
}
