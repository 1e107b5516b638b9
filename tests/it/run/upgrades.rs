//! The core of an upgrade: every stage in its order, whatever interrupts it.

mod crashes;
mod walks;

use std::collections::BTreeMap;

use orchestrate::plan::{Plan, PlanDocument, Question, plan, settle};
use orchestrate::run::{Deployment, IllegalEvent, Rest, Stage, Status, Timestamp, Upgrade, UpgradeEvent};

use crate::support::catalog;

const PATH: &str = "\
format: orchestrate/v1
kind: upgrade-path
title: Shop
releases:
  - {app: 1.0.0}
  - {app: 1.1.0}
  - {app: 1.2.0}
recommended:
  - {migrations: [0001_a], app: 1.0.0}
  - {migrations: [0002_b, 0003_c], app: 1.1.0}
notes:
  - {crossing: {app: 1.1.0}, when: before, title: Make a backup, body: Of everything., acknowledge: true}
  - {crossing: {app: 1.1.0}, when: before, title: The shop closes, body: For a minute.}
  - {crossing: {app: 1.2.0}, when: before, title: Make a backup, body: Again., acknowledge: true}
  - {crossing: {app: 1.2.0}, when: after, title: 'Look at it: is it well?', body: Please., acknowledge: true}
";

/// From 1.0 to 1.2: a step without a deploy, then two with one; notes before and after.
pub fn shop() -> Plan {
    let migration = |name: &str, rest: &str| {
        format!("format: orchestrate/v1\nkind: migration\nname: {name}\n{rest}operations: []\n")
    };
    let files = [
        ("upgrade-paths/shop.yaml", PATH.to_owned()),
        ("manifests/shop/0001_a.yaml", migration("0001_a", "window: {max: 1.0.9}\n")),
        ("manifests/shop/0002_b.yaml", migration("0002_b", "window: {max: 1.1.9}\ndepends_on: [0001_a]\n")),
        ("manifests/shop/0003_c.yaml", migration("0003_c", "window: {min: 1.1.0, max: 1.1.9}\n")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let catalog = catalog(&files);
    let question = Question {
        from: Some(orchestrate::model::PartialVersion::parse("1.0.0").expect("a version")),
        from_chart: None,
        to: orchestrate::model::PartialVersion::parse("1.2.0").expect("a version"),
        completed: None,
        preference: orchestrate::plan::Preference::Recommended,
        only_required: false,
        observed: None,
    };
    let product = &catalog.products["shop"];
    plan(product, &settle(product, &question).expect("it can be asked")).expect("there is a plan")
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1000)
}

pub fn started() -> UpgradeEvent {
    UpgradeEvent::Started {
        plan: Box::new(PlanDocument::from(&shop())),
        environment: "local".to_owned(),
        identity: None,
        parameters: BTreeMap::new(),
        by: "ann".to_owned(),
    }
}

pub fn confirm(step: usize, note: &str) -> UpgradeEvent {
    UpgradeEvent::Acknowledged { step, note: note.to_owned(), by: "ann".to_owned() }
}

/// An upgrade in a world of versions, deploys and migrations, which the core decides about and this carries out.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub journal: Vec<(Timestamp, UpgradeEvent)>,
    /// Which version runs.
    pub version: String,
    /// The runs of each deploy, each with whether it is complete.
    pub deploys: BTreeMap<String, Vec<(String, bool)>>,
    /// How often each migration was begun and came to its end.
    pub migrated: BTreeMap<String, u32>,
    /// What the process dies of: so many effects and events are left.
    pub life: Option<u32>,
    /// Deploys that work without any effect.
    pub lies: u32,
}

/// The process died.
#[derive(Debug, PartialEq)]
pub struct Died;

impl World {
    pub fn new() -> World {
        World { journal: vec![(at(0), started())], version: "1.0.0".to_owned(), ..World::default() }
    }

    /// The world in which nothing more happened than what a journal tells.
    pub fn of(journal: &[(Timestamp, UpgradeEvent)]) -> World {
        let mut world = World { journal: journal.to_vec(), ..World::new() };
        let steps = world.upgrade().plan.steps;
        for (_, event) in journal {
            if let UpgradeEvent::Deployed { step, run: Some(run) } = event {
                world.version.clone_from(&steps[step - 1].release.app);
                world.deploys.insert(world.version.clone(), vec![(run.clone(), true)]);
            }
            if let UpgradeEvent::Migrated { migration, .. } = event {
                world.migrated.insert(migration.clone(), 1);
            }
        }
        world
    }

    pub fn upgrade(&self) -> Upgrade {
        let folded = Upgrade::fold(self.journal.clone()).expect("the journal can be followed");
        folded.expect("it begins with an event")
    }

    fn live(&mut self) -> Result<(), Died> {
        let Some(life) = &mut self.life else { return Ok(()) };
        *life = life.checked_sub(1).ok_or(Died)?;
        Ok(())
    }

    /// Writes an event down, which must be able to follow.
    pub fn note(&mut self, event: UpgradeEvent) -> Result<(), Died> {
        self.live()?;
        let at = at(i64::try_from(self.journal.len()).expect("journals are short"));
        self.upgrade().apply(event.clone(), at).unwrap_or_else(|error| panic!("{error}: {:#?}", self.journal));
        self.journal.push((at, event));
        Ok(())
    }

    /// What the core says of an event that it refuses.
    pub fn refused(&self, event: UpgradeEvent) -> IllegalEvent {
        let mut upgrade = self.upgrade();
        let before = upgrade.clone();
        let refused = upgrade.apply(event, at(1000)).expect_err("it cannot follow");
        assert_eq!(upgrade, before, "nothing is changed");
        refused
    }

    fn deploy(&mut self, step: usize) -> Result<(), Died> {
        let upgrade = self.upgrade();
        let app = upgrade.plan.steps[step - 1].release.app.clone();
        let state = upgrade.step(step).expect("there is such a step").clone();
        let latest = self.deploys.get(&app).and_then(|runs| runs.last()).cloned();
        if state.deployment == Deployment::Open {
            if self.version == app {
                return self.note(UpgradeEvent::Deployed { step, run: None });
            }
            let after = latest.clone().filter(|(_, is_complete)| *is_complete).map(|(run, _)| run);
            self.note(UpgradeEvent::Deploying { step, after })?;
        }
        let Deployment::Begun { after } = self.upgrade().steps[step - 1].deployment.clone() else {
            panic!("it was begun");
        };
        let ours = latest.filter(|(run, _)| Some(run) != after.as_ref());
        if ours.is_none() {
            self.live()?;
            let runs = self.deploys.entry(app.clone()).or_default();
            runs.push((format!("deploy {app} {}", runs.len() + 1), false));
        }
        if !ours.is_some_and(|(_, is_complete)| is_complete) {
            self.live()?;
            match self.lies.checked_sub(1) {
                Some(left) => self.lies = left,
                None => self.version.clone_from(&app),
            }
            self.deploys.get_mut(&app).and_then(|runs| runs.last_mut()).expect("there is a run").1 = true;
        }
        let run = self.deploys[&app].last().expect("there is a run").0.clone();
        self.note(UpgradeEvent::Deployed { step, run: Some(run) })
    }

    /// Does what comes next until nothing does, or the process dies. Notes are confirmed where `confirms` says so.
    pub fn go(&mut self, until: usize, confirms: bool) -> Result<Stage, Died> {
        loop {
            let upgrade = self.upgrade();
            let stage = upgrade.stage();
            if upgrade.current().is_some_and(|step| step > until) {
                self.note(UpgradeEvent::Rested { because: Rest::Until { step: until } })?;
                return Ok(stage);
            }
            match stage.clone() {
                Stage::Acknowledge { step, notes } if confirms => {
                    for note in notes {
                        self.note(confirm(step, &note))?;
                    }
                }
                Stage::Acknowledge { step, notes } => {
                    self.note(UpgradeEvent::Rested { because: Rest::Acknowledgement { step, notes } })?;
                    return Ok(stage);
                }
                Stage::Gate { step } => self.note(UpgradeEvent::Opened { step })?,
                Stage::Deploy { step } => self.deploy(step)?,
                Stage::Prove { step } => {
                    let version = self.version.clone();
                    if version == upgrade.plan.steps[step - 1].release.app {
                        self.note(UpgradeEvent::Proved { step, version })?;
                    } else {
                        let because = format!("{version} runs");
                        self.note(UpgradeEvent::Rested { because: Rest::Version { step, because } })?;
                        return Ok(stage);
                    }
                }
                Stage::Migrate { step, migration } => {
                    if !self.migrated.contains_key(&migration) {
                        self.live()?;
                        *self.migrated.entry(migration.clone()).or_default() += 1;
                    }
                    let (run, status) = (format!("run of {migration}"), Status::Completed);
                    self.note(UpgradeEvent::Migrated { step, migration, run, status })?;
                }
                Stage::Finish { step } => self.note(UpgradeEvent::StepDone { step })?,
                Stage::Complete => self.note(UpgradeEvent::Completed)?,
                Stage::Over => return Ok(stage),
            }
        }
    }

    /// Another process goes on.
    pub fn take_up(&mut self) {
        self.life = None;
        let event = match self.upgrade().rest {
            Some(_) => UpgradeEvent::Resumed { by: "bob".to_owned(), parameters: BTreeMap::new() },
            None => UpgradeEvent::Taken { owner: "process 2".to_owned() },
        };
        self.note(event).expect("it lives");
    }
}

/// What was achieved, in its order, without what is only asked.
pub fn achieved(journal: &[(Timestamp, UpgradeEvent)]) -> Vec<String> {
    let told = |(_, event): &(Timestamp, UpgradeEvent)| match event {
        UpgradeEvent::Acknowledged { step, note, .. } => Some(format!("{step}: {note}")),
        UpgradeEvent::Deployed { step, run } => Some(format!("{step}: deployed by {run:?}")),
        UpgradeEvent::Migrated { step, migration, .. } => Some(format!("{step}: {migration}")),
        UpgradeEvent::StepDone { step } => Some(format!("{step}: done")),
        UpgradeEvent::Completed => Some("completed".to_owned()),
        UpgradeEvent::Started { .. }
        | UpgradeEvent::Taken { .. }
        | UpgradeEvent::Resumed { .. }
        | UpgradeEvent::Opened { .. }
        | UpgradeEvent::Deploying { .. }
        | UpgradeEvent::Proved { .. }
        | UpgradeEvent::Reopened { .. }
        | UpgradeEvent::Rested { .. }
        | UpgradeEvent::GivenUp { .. } => None,
    };
    journal.iter().filter_map(told).collect()
}
