//! A journal folded as far as it was read: what is added to it is read on from there.

use serde::de::DeserializeOwned;

use crate::run::{Event, IllegalEvent, State, Timestamp, Upgrade, UpgradeEvent};
use crate::store::{RunId, Store};

use super::journal::DriveError;

/// Events that are read at once.
const PAGE: u32 = 1000;

/// What the events of a journal fold into.
pub trait Fold: Sized {
    /// What the journal has.
    type Event: DeserializeOwned;

    /// What the first event makes.
    fn begin(event: Self::Event, at: Timestamp) -> Result<Self, IllegalEvent>;
    /// What one more event makes of it.
    fn apply(&mut self, event: Self::Event, at: Timestamp) -> Result<(), IllegalEvent>;
}

impl Fold for State {
    type Event = Event;

    fn begin(event: Event, at: Timestamp) -> Result<State, IllegalEvent> {
        State::begin(event, at)
    }

    fn apply(&mut self, event: Event, at: Timestamp) -> Result<(), IllegalEvent> {
        State::apply(self, event, at)
    }
}

impl Fold for Upgrade {
    type Event = UpgradeEvent;

    fn begin(event: UpgradeEvent, at: Timestamp) -> Result<Upgrade, IllegalEvent> {
        Upgrade::begin(event, at)
    }

    fn apply(&mut self, event: UpgradeEvent, at: Timestamp) -> Result<(), IllegalEvent> {
        Upgrade::apply(self, event, at)
    }
}

/// What a journal amounts to.
#[derive(Debug)]
pub struct Folded<S = State> {
    after: i64,
    state: Option<S>,
}

impl<S> Default for Folded<S> {
    fn default() -> Folded<S> {
        Folded { after: 0, state: None }
    }
}

impl<S: Fold> Folded<S> {
    /// The last event that is in it.
    pub fn sequence(&self) -> i64 {
        self.after
    }

    /// The state; nothing where the journal has no event.
    pub fn state(&self) -> Option<&S> {
        self.state.as_ref()
    }

    /// The same, to keep.
    pub fn into_state(self) -> Option<S> {
        self.state
    }

    /// Reads what was added.
    pub async fn read_on(&mut self, store: &Store, run: &RunId) -> Result<(), DriveError> {
        loop {
            let page = store.events(run, self.after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            for recorded in page {
                let event: S::Event = serde_json::from_str(&recorded.body).map_err(|error| DriveError::Unreadable {
                    sequence: recorded.sequence,
                    reason: error.to_string(),
                })?;
                let at = Timestamp(recorded.at_ms);
                match &mut self.state {
                    None => self.state = Some(S::begin(event, at).map_err(DriveError::Journal)?),
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
