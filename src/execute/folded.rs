//! A journal folded as far as it was read: what is added to it is read on from there.

use crate::run::{Event, State, Timestamp};
use crate::store::{RunId, Store};

use super::journal::DriveError;

/// Events that are read at once.
const PAGE: u32 = 1000;

/// What a journal amounts to.
#[derive(Debug, Default)]
pub struct Folded {
    after: i64,
    state: Option<State>,
}

impl Folded {
    /// The last event that is in it.
    pub fn sequence(&self) -> i64 {
        self.after
    }

    /// The state; nothing where the journal has no event.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// The same, to keep.
    pub fn into_state(self) -> Option<State> {
        self.state
    }

    /// Reads what was added.
    pub async fn read_on(&mut self, store: &Store, run: &RunId) -> Result<(), DriveError> {
        loop {
            let page = store.events(run, self.after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            for recorded in page {
                let event: Event = serde_json::from_str(&recorded.body).map_err(|error| DriveError::Unreadable {
                    sequence: recorded.sequence,
                    reason: error.to_string(),
                })?;
                let at = Timestamp(recorded.at_ms);
                match &mut self.state {
                    None => self.state = Some(State::begin(event, at).map_err(DriveError::Journal)?),
                    Some(state) => state.apply(event, at).map_err(DriveError::Journal)?,
                }
                self.after = recorded.sequence;
            }
            if is_last {
                return Ok(());
            }
        }
    }
}
