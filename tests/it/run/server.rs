//! The simulated targets: what statements did there, what runs there, and what each attempt comes to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orchestrate::run::{Asked, Evidence, Fault, FaultKind, Judgement, Timestamp, Unit, Verdict, judge};

/// What an attempt comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It works within this time.
    Works(Duration),
    /// It is refused, and may work the next time.
    Transient,
    /// It is refused for good.
    Permanent,
    /// The answer is lost, nothing was done.
    LostBefore,
    /// It is done and the answer is lost.
    LostAfter,
    /// The connection is lost at once, the statement goes on for this time.
    LostRunning(Duration),
    /// Somebody else ends it on the server.
    Killed,
}

/// What the process hears of an attempt, and when.
#[derive(Clone, Debug)]
pub struct Heard {
    pub at: Timestamp,
    pub fault: Option<FaultKind>,
}

/// All targets of a run.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// How often each unit took effect.
    pub effects: BTreeMap<Unit, u32>,
    /// How often each unit was attempted.
    pub attempts: BTreeMap<Unit, u32>,
    /// Statements that run, and when they take effect.
    pub running: BTreeMap<Unit, Timestamp>,
    /// What each attempt comes to; those after the last one work.
    pub turns: BTreeMap<Unit, Vec<Turn>>,
    /// When it does not answer.
    pub silent: Vec<(Timestamp, Timestamp)>,
    marks: BTreeSet<Unit>,
}

pub fn fault(kind: FaultKind) -> Fault {
    Fault { kind, message: format!("{kind:?}").to_lowercase() }
}

impl Server {
    pub fn is_silent(&self, now: Timestamp) -> bool {
        self.silent.iter().any(|(from, to)| (*from..*to).contains(&now))
    }

    /// Begins a statement. What nobody can look up ends with its connection.
    pub fn perform(&mut self, unit: &Unit, evidence: Evidence, now: Timestamp) -> Heard {
        let attempt = self.attempts.entry(unit.clone()).or_default();
        *attempt += 1;
        let index = usize::try_from(*attempt).expect("attempts are few") - 1;
        let second = Duration::from_secs(1);
        let turn = self.turns.get(unit).and_then(|turns| turns.get(index)).copied().unwrap_or(Turn::Works(second));
        let (runs, heard, fault) = match turn {
            Turn::Works(takes) => (Some(takes), takes, None),
            Turn::Transient => (None, second, Some(FaultKind::Transient)),
            Turn::Permanent => (None, second, Some(FaultKind::Partial)),
            Turn::LostBefore => (None, second, Some(FaultKind::Lost)),
            Turn::LostAfter => (Some(second), second, Some(FaultKind::Lost)),
            Turn::LostRunning(_) if !evidence.lookup => (Some(second), second, Some(FaultKind::Lost)),
            Turn::LostRunning(takes) => (Some(takes), second, Some(FaultKind::Lost)),
            Turn::Killed => (None, second, Some(FaultKind::Ended)),
        };
        if let Some(takes) = runs {
            self.running.insert(unit.clone(), now.after(takes));
        }
        Heard { at: now.after(heard), fault }
    }

    /// What ended until now takes effect.
    pub fn advance(&mut self, now: Timestamp) {
        let ended: Vec<Unit> =
            self.running.iter().filter(|(_, ends)| **ends <= now).map(|(unit, _)| unit.clone()).collect();
        for unit in ended {
            self.running.remove(&unit);
            self.marks.insert(unit.clone());
            *self.effects.entry(unit).or_default() += 1;
        }
    }

    /// Asks what a judgement wants to know.
    pub fn judge(&self, unit: &Unit, evidence: Evidence) -> Judgement {
        let mut asked = Asked::default();
        for _ in 0..8 {
            match judge(evidence, &asked) {
                Judgement::AskMark if asked.mark.is_none() => asked.mark = Some(self.marks.contains(unit)),
                Judgement::AskMark => asked.mark_after = Some(self.marks.contains(unit)),
                Judgement::AskRunning => asked.running = Some(self.running.contains_key(unit)),
                Judgement::AskDoneWhen => {
                    asked.done_when = Some(match self.effect(unit) {
                        0 => Verdict::No("0".to_owned()),
                        _ => Verdict::Yes,
                    });
                }
                judgement @ (Judgement::Done(_)
                | Judgement::NotDone(_)
                | Judgement::Running
                | Judgement::Unknown(_)) => return judgement,
            }
        }
        panic!("it asks without end about {unit}");
    }

    /// How often a unit took effect.
    pub fn effect(&self, unit: &Unit) -> u32 {
        self.effects.get(unit).copied().unwrap_or_default()
    }
}
