//! A simulated world: a virtual clock, targets, people, and processes that drive `decide` as the shell does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orchestrate::run::{
    Act, Decision, Document, Event, Failure, FaultKind, Part, ProcedureKind, Reading, Request, Script, Settings, State,
    Status, Task, Timestamp, Unit, Verdict, Watch, decide,
};

use super::acts::task;
use super::moves::Gauge;
use super::rules;
use super::server::{Heard, Server, fault};
use super::tables::Table;

/// The process died.
#[derive(Debug)]
struct Crash;

/// A process that owns the run.
#[derive(Clone, Debug)]
pub struct Process {
    pub state: State,
    pub watch: Watch,
    generation: u32,
    /// Recorded, and not in the journal yet.
    pending: Vec<(Timestamp, Event)>,
    pub hears: BTreeMap<Unit, Heard>,
    /// Answers about limits that are on their way.
    pub reads: Vec<(Timestamp, String, Reading)>,
}

/// Everything there is.
#[derive(Clone, Debug)]
pub struct World {
    pub now: Timestamp,
    pub script: Script,
    pub settings: Settings,
    pub server: Server,
    pub journal: Vec<(Timestamp, Event)>,
    pub process: Option<Process>,
    generation: u32,
    /// The parts of operations that have any.
    pub parts: BTreeMap<String, Vec<Part>>,
    /// The tables that operations move.
    pub tables: BTreeMap<String, Table>,
    /// Rows that are inserted into tables, and when.
    pub inserted: Vec<(Timestamp, u64)>,
    /// What limits answer.
    pub gauges: BTreeMap<String, Gauge>,
    /// Why parts cannot be found out, until when.
    pub unprepared: Option<(FaultKind, Timestamp)>,
    /// From when on the answer to a `wait` is yes.
    pub waits: BTreeMap<String, Timestamp>,
    /// What `when` answers, yes where it says nothing.
    pub needed: BTreeMap<String, Verdict>,
    /// What the checks find, from when on.
    pub checks: Vec<(Timestamp, Vec<Failure>)>,
    pub health: Vec<(Timestamp, Vec<Failure>)>,
    pub postcheck: Vec<(Timestamp, Vec<Failure>)>,
    /// Whether `required` says no once anything took effect, or at once.
    pub is_not_required: Option<bool>,
    /// What people ask, and when.
    pub people: Vec<(Timestamp, Request)>,
    /// What people ask between two decisions.
    pub interruptions: BTreeMap<usize, Request>,
    /// The moments at which the process dies.
    pub crashes: BTreeSet<usize>,
    /// Whether statements outlive their process.
    pub outlives: bool,
    pub moments: usize,
    pub decisions: usize,
    /// How often each act was carried out, and when.
    pub acts: Vec<(Timestamp, Act)>,
}

/// A moment by its seconds.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    pub fn new(tasks: Vec<Task>) -> World {
        World {
            now: at(0),
            script: Script { tasks, has_healthcheck: false, has_postcheck: false, limits: Vec::new() },
            settings: Settings::default(),
            server: Server::default(),
            journal: Vec::new(),
            process: None,
            generation: 0,
            parts: BTreeMap::new(),
            tables: BTreeMap::new(),
            inserted: Vec::new(),
            gauges: BTreeMap::new(),
            unprepared: None,
            waits: BTreeMap::new(),
            checks: Vec::new(),
            health: Vec::new(),
            postcheck: Vec::new(),
            needed: BTreeMap::new(),
            is_not_required: None,
            people: Vec::new(),
            interruptions: BTreeMap::new(),
            crashes: BTreeSet::new(),
            outlives: true,
            moments: 0,
            decisions: 0,
            acts: Vec::new(),
        }
    }

    /// Starts the run and goes on until it rests.
    pub fn run(&mut self) -> Status {
        self.start();
        self.go()
    }

    /// Writes the first event.
    pub fn start(&mut self) {
        let text = String::new;
        let document = Document {
            kind: ProcedureKind::Migration,
            product: text(),
            name: "m".into(),
            path: "m.yaml".into(),
            text: text(),
        };
        let parameters = BTreeMap::new();
        let started =
            Event::Started { document, parameters, app: None, step: None, assumed: Vec::new(), by: "ada".into() };
        self.journal.push((self.now, started));
    }

    /// What the journal says.
    pub fn state(&self) -> State {
        let state = State::fold(self.journal.iter().cloned()).expect("the journal folds");
        state.expect("the run has started")
    }

    /// A person asks a run at rest for something; another process goes on with it until it rests.
    pub fn ask(&mut self, request: Request) -> Status {
        assert!(self.state().accepts(&request), "{request:?} is refused while {}", self.state().status);
        self.take();
        self.request(request);
        self.commit();
        self.go()
    }

    /// Goes on, over crashes, until the run rests.
    pub fn go(&mut self) -> Status {
        for _ in 0..100 {
            match self.drive() {
                Ok(status) => return status,
                Err(Crash) => self.crash(),
            }
        }
        panic!("it crashes without end");
    }

    /// The process dies; what it did not write is gone, and statements may run on without it.
    pub fn crash(&mut self) {
        let dead = self.process.take();
        for unit in dead.iter().flat_map(|process| &process.watch.in_flight) {
            let ends = self.server.running.remove(unit);
            // What nobody can look up ends with its process, done or not.
            let ends = if task(&self.script, unit).evidence.lookup { ends } else { ends.map(|_| self.now) };
            if let Some(ends) = ends.filter(|_| self.outlives) {
                self.server.running.insert(unit.clone(), ends);
            }
        }
        self.leave_batches();
        self.pass(self.now.after(seconds(2)));
        self.tables.values_mut().for_each(|table| table.outcomes.clear());
        // What a person asked is asked until it is in the journal.
        for (_, event) in dead.into_iter().flat_map(|process| process.pending) {
            if let Event::Asked { request, .. } = event {
                self.people.push((self.now, request));
            }
        }
    }

    /// The process goes on until a moment and freezes there; what it left behind is given.
    pub fn drive_until(&mut self, moment: usize) -> Process {
        self.crashes.insert(moment);
        assert!(self.drive().is_err(), "it never comes to moment {moment}");
        self.process.take().expect("it was at work")
    }

    /// A new process takes the run over.
    pub fn take(&mut self) {
        self.generation += 1;
        let (pending, hears, reads) = (Vec::new(), BTreeMap::new(), Vec::new());
        let (state, watch) = (self.state(), Watch::default());
        let process = Process { state, watch, generation: self.generation, pending, hears, reads };
        self.process = Some(process);
        if self.journal.len() > 1 {
            self.record(Event::Taken { owner: format!("process {}", self.generation) });
        }
    }

    /// Time passes.
    pub fn pass(&mut self, until: Timestamp) {
        self.now = self.now.max(until);
        self.server.advance(self.now);
        let now = self.now;
        self.tables.values_mut().for_each(|table| table.pass(now));
    }

    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("there is a process")
    }

    fn request(&mut self, request: Request) {
        if self.process().state.accepts(&request) {
            self.record(Event::Asked { request, by: "bob".into(), reason: None, number: 0 });
        }
    }

    pub fn record(&mut self, event: Event) {
        let now = self.now;
        let process = self.process();
        if let Err(illegal) = process.state.apply(event.clone(), now) {
            panic!("{illegal}\n{event:?}\n{:#?}", process.state);
        }
        process.pending.push((now, event));
    }

    fn moment(&mut self) -> Result<(), Crash> {
        self.moments += 1;
        if self.crashes.contains(&self.moments) { Err(Crash) } else { Ok(()) }
    }

    /// Everything pending in one commit; refused to a process that is not the owner any more.
    pub fn commit(&mut self) -> bool {
        let generation = self.generation;
        let process = self.process();
        let pending = std::mem::take(&mut process.pending);
        if process.generation != generation {
            return false;
        }
        self.journal.extend(pending);
        true
    }

    /// What comes next, and whether everything about it is allowed.
    pub fn decided(&mut self) -> Decision {
        let World { script, settings, now, process, .. } = self;
        let Process { state, watch, .. } = process.as_ref().expect("there is a process");
        let decision = decide(script, state, watch, settings, *now);
        assert_eq!(decision, decide(script, state, watch, settings, *now), "the same question has the same answer");
        rules::check(script, state, watch, *now, &decision);
        decision
    }

    fn drive(&mut self) -> Result<Status, Crash> {
        if self.process.is_none() {
            if self.state().is_at_rest() {
                return Ok(self.state().status);
            }
            self.take();
        }
        let mut recorded_in_a_row = 0;
        for _ in 0..5_000 {
            self.decisions += 1;
            if let Some(request) = self.interruptions.remove(&self.decisions) {
                self.request(request);
            }
            let decision = self.decided();
            if let Decision::Record(events) = decision {
                recorded_in_a_row += 1;
                assert!(!events.is_empty() && recorded_in_a_row < 50, "it records without end: {events:?}");
                events.into_iter().for_each(|event| self.record(event));
                continue;
            }
            recorded_in_a_row = 0;
            self.moment()?;
            assert!(self.commit(), "only the owner drives");
            self.moment()?;
            match decision {
                Decision::Act(acts) => {
                    for act in acts {
                        self.act(act);
                        self.moment()?;
                    }
                }
                Decision::Wait(until) => self.wait(until)?,
                Decision::Finish(ending) => {
                    assert_eq!(ending.status, self.state().status);
                    self.process = None;
                    return Ok(ending.status);
                }
                Decision::Record(_) => panic!("events are recorded above"),
            }
        }
        panic!("it does not come to rest: {:#?}", self.process);
    }

    /// Passes the time until something happens, and hears of it.
    fn wait(&mut self, until: Option<Timestamp>) -> Result<(), Crash> {
        let heard = self.process().hears.values().map(|heard| heard.at).min();
        let read = self.process().reads.iter().map(|(due, ..)| *due).min();
        let asked = self.people.iter().map(|(at, _)| *at).min();
        let Some(next) = [until, heard, read, asked].into_iter().flatten().min() else {
            assert!(self.process().state.is_paused, "nothing will ever happen: {:#?}", self.process);
            // Who paused it comes back some day.
            self.people.push((self.now.after(seconds(600)), Request::Resume));
            return Ok(());
        };
        self.pass(next);
        self.moment()?;
        let now = self.now;
        let due = |heard: &Heard| heard.at <= now;
        let units: Vec<Unit> =
            self.process().hears.iter().filter(|(_, heard)| due(heard)).map(|(unit, _)| unit.clone()).collect();
        for unit in units {
            let process = self.process();
            let heard = process.hears.remove(&unit).expect("it was just found");
            process.watch.in_flight.remove(&unit);
            process.watch.ending.remove(&unit);
            if let Some(event) = self.heard_of_batch(&unit, &heard) {
                self.record(event);
                continue;
            }
            let proof = orchestrate::run::Proof::Answer;
            self.record(match heard.fault {
                None => Event::Done { unit, proof, detail: None, output: None },
                Some(kind) => Event::Failed { unit, fault: fault(kind) },
            });
        }
        self.readings();
        let (due, later) = std::mem::take(&mut self.people).into_iter().partition(|(at, _)| *at <= now);
        self.people = later;
        let due: Vec<(Timestamp, Request)> = due;
        due.into_iter().for_each(|(_, request)| self.request(request));
        Ok(())
    }
}
