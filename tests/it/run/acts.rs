//! What the simulated process does about units.

use super::server::{Heard, fault};
use super::world::{World, seconds};
use orchestrate::run::{
    Act, Checked, Direction, Event, Evidence, Failure, FaultKind, Judgement, PartProgress, Proof, Task, TaskKind,
    Timestamp, Undoing, Unit, Verdict,
};

/// The operation, or what takes it back.
pub fn task<'a>(script: &'a orchestrate::run::Script, unit: &Unit) -> &'a Task {
    let task = script.task(&unit.operation).expect("it is an operation of the script");
    match (unit.direction, &task.undo) {
        (Direction::Do, _) => task,
        (Direction::Undo, Undoing::Task { task, .. }) => task,
        (Direction::Undo, Undoing::Nothing | Undoing::Irreversible(_)) => panic!("{unit}: there is no undo"),
    }
}

/// What is found at a time.
fn found(scripted: &[(Timestamp, Vec<Failure>)], now: Timestamp) -> Vec<Failure> {
    scripted.iter().rfind(|(from, _)| *from <= now).map(|(_, failures)| failures.clone()).unwrap_or_default()
}

impl World {
    /// Carries out an act.
    pub(super) fn act(&mut self, act: Act) {
        self.acts.push((self.now, act.clone()));
        let now = self.now;
        match act {
            Act::Check { required } => {
                let has_effect = !self.server.effects.is_empty();
                let is_not_required = self.is_not_required.is_some_and(|later| has_effect || !later);
                let failures = found(&self.checks, now);
                let watch = &mut self.process().watch;
                watch.health = Some((now, Vec::new()));
                watch.check = Some(if required && is_not_required {
                    Checked::NotRequired("it has none of it".into())
                } else {
                    Checked::Failures(failures)
                });
            }
            Act::Health => {
                let failures = found(&self.health, now);
                self.process().watch.health = Some((now, failures));
            }
            Act::Postcheck => {
                let failures = found(&self.postcheck, now);
                let watch = &mut self.process().watch;
                let tries = watch.postcheck.as_ref().map_or(0, |(_, _, tries)| *tries);
                watch.postcheck = Some((now, failures, tries + 1));
            }
            Act::Read(names) => self.read(names),
            Act::AskWhen(unit) => {
                let verdict = self.needed.get(&unit.operation).cloned().unwrap_or(Verdict::Yes);
                let needed = &mut self.process().watch.needed;
                let tries = needed.get(&unit).map_or(0, |(_, _, tries)| *tries);
                needed.insert(unit, (now, verdict, tries + 1));
            }
            Act::Prepare { operation, direction } => self.prepare(operation, direction),
            Act::Perform(unit) => self.perform(unit),
            Act::Judge(unit) => self.judge(unit),
            Act::End(unit) => self.end(unit),
        }
    }

    fn prepare(&mut self, operation: String, direction: Direction) {
        let now = self.now;
        if let Some((kind, until)) = self.unprepared
            && now < until
        {
            let unit = Unit { operation, direction, part: 0 };
            let unprepared = &mut self.process().watch.unprepared;
            let tries = unprepared.get(&unit).map_or(0, |(_, _, tries)| *tries);
            unprepared.insert(unit, (now, fault(kind), tries + 1));
            return;
        }
        if direction == Direction::Do && self.tables.contains_key(&operation) {
            return self.prepare_table(operation, direction);
        }
        let parts = self.parts.get(&operation).cloned().unwrap_or_default();
        self.record(Event::Prepared { operation, direction, parts, may_grow: false, batch: None });
    }

    fn perform(&mut self, unit: Unit) {
        let now = self.now;
        let task = task(&self.script, &unit);
        match task.kind {
            TaskKind::Wait { .. } => {
                let is_yes = self.waits.get(&unit.operation).is_none_or(|from| *from <= now);
                if is_yes {
                    self.record(Event::Done { unit, proof: Proof::Answer, detail: None, output: None });
                } else {
                    self.process().watch.polled.insert(unit, now);
                }
            }
            TaskKind::Partitions { .. } | TaskKind::Keys { .. } => self.perform_batch(unit),
            TaskKind::Single | TaskKind::Parts => {
                let heard = self.server.perform(&unit, task.evidence, now);
                let process = self.process();
                process.watch.in_flight.insert(unit.clone());
                process.hears.insert(unit, heard);
            }
            TaskKind::Manual => panic!("{unit}: a person cannot be performed"),
        }
    }

    fn judge(&mut self, unit: Unit) {
        let now = self.now;
        if self.table_of(&unit).is_some() {
            return self.judge_batch(unit);
        }
        let evidence: Evidence = task(&self.script, &unit).evidence;
        let asks_nobody = Evidence { repeatable: evidence.repeatable, ..Evidence::default() } == evidence;
        if self.server.is_silent(now) && !asks_nobody {
            self.process().watch.polled.insert(unit, now);
            return;
        }
        match self.server.judge(&unit, evidence) {
            Judgement::Done(proof) => self.record(Event::Done { unit, proof, detail: None, output: None }),
            Judgement::NotDone(proof) => self.record(Event::NotDone { unit, proof }),
            Judgement::Running => {
                let part = self.process().state.part(&unit).map(|part| part.progress.clone());
                if part != Some(PartProgress::Adopted) {
                    self.record(Event::StillRunning { unit: unit.clone() });
                }
                self.process().watch.polled.insert(unit, now);
            }
            Judgement::Unknown(why) => {
                self.process().watch.unknown.insert(unit, why);
            }
            Judgement::AskMark | Judgement::AskRunning | Judgement::AskDoneWhen => panic!("it was asked"),
        }
    }

    fn end(&mut self, unit: Unit) {
        let now = self.now;
        let is_silent = self.server.is_silent(now);
        if !is_silent {
            self.server.running.remove(&unit);
            self.end_batch(&unit);
        }
        let process = self.process();
        process.watch.polled.insert(unit.clone(), now);
        process.watch.ending.insert(unit.clone());
        if process.watch.in_flight.contains(&unit) {
            process.hears.insert(unit, Heard { at: now.after(seconds(1)), fault: Some(FaultKind::Ended) });
        } else if !is_silent {
            self.record(Event::CutOff { unit });
        }
    }
}
