//! Random small products, as files and as what brute force finds for them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use orchestrate::manifest::SourceFile;
use orchestrate::plan::Preference;

/// A random product. Releases are 1.0.0, 1.1.0, …; a bound or a recommendation may lie between two of them (1.n.5).
#[derive(Clone, Debug)]
pub struct World {
    /// For each release, the version of the service `db` that it provides, and whether it was withdrawn.
    pub releases: Vec<(Option<u64>, bool)>,
    pub migrations: Vec<Migration>,
    pub required: Vec<usize>,
    pub blocked: Vec<((usize, usize), (usize, usize))>,
    pub from: usize,
    pub to: usize,
    pub completed: Option<BTreeSet<usize>>,
}

#[derive(Clone, Debug)]
pub struct Migration {
    pub min: Option<usize>,
    pub max: Option<usize>,
    pub depends_on: Vec<usize>,
    pub needs: Option<u64>,
    pub recommended: Option<usize>,
}

/// Draws choices from a vector of random numbers, which proptest can shrink.
pub struct Draw<'a>(std::slice::Iter<'a, u32>);

impl Draw<'_> {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0.next().map_or(0, |number| *number as usize % limit.max(1))
    }

    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    pub fn span(&mut self, count: usize) -> (usize, usize) {
        let (a, b) = (self.below(count), self.below(count));
        (a.min(b), a.max(b))
    }

    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }
}

/// Half of the worlds are kind: nearly everything is open, so that it is cost that decides, and gaps in services and
/// recommendations against dependencies matter. The other half is hostile, so that feasibility decides.
pub fn world(entropy: &[u32]) -> World {
    let mut draw = Draw(entropy.iter());
    let is_kind = draw.one_in(2);
    let count = if is_kind { draw.between(4, 7) } else { draw.between(2, 7) };
    let last = count - 1;
    let rare = if is_kind { 30 } else { 6 };
    let releases = (0..count)
        .map(|_| {
            let is_silent = draw.one_in(if is_kind { 8 } else { 3 });
            ((!is_silent).then(|| draw.between(1, 2) as u64), draw.one_in(rare + 3))
        })
        .collect();
    let number = if is_kind { draw.between(2, 5) } else { draw.between(0, 5) };
    let mut migrations: Vec<Migration> = Vec::new();
    for index in 0..number {
        let (low, high) =
            if is_kind { (draw.between(0, last / 2), draw.between(last / 2, last - 1)) } else { draw.span(count) };
        let depends_on = (0..index).filter(|_| draw.one_in(3)).collect();
        let is_recommended = !draw.one_in(if is_kind { 4 } else { 2 });
        migrations.push(Migration {
            min: (!draw.one_in(4)).then_some(low),
            max: (!draw.one_in(4)).then_some(high),
            depends_on,
            needs: draw.one_in(3).then(|| draw.between(1, 2) as u64),
            recommended: is_recommended.then(|| draw.between(low, high)),
        });
    }
    let required = (0..count).filter(|_| draw.one_in(rare)).collect();
    let blocked = (0..draw.below(if is_kind { 2 } else { 4 })).map(|_| (draw.span(count), draw.span(count))).collect();
    let from = if is_kind { draw.between(0, 1) } else { draw.between(0, last) };
    let to = if is_kind { draw.between(last - 1, last) } else { draw.between(from, last) };
    let completed = draw.one_in(3).then(|| (0..number).filter(|_| draw.one_in(if is_kind { 5 } else { 2 })).collect());
    World { releases, migrations, required, blocked, from, to, completed }
}

/// The world as YAML files.
pub fn files(world: &World) -> Vec<SourceFile> {
    let mut path = "format: orchestrate/v1\nkind: upgrade-path\nreleases:\n".to_owned();
    for (index, (provides, withdrawn)) in world.releases.iter().enumerate() {
        let provides = provides.map(|version| format!(", provides: {{db: {version}.0.0}}")).unwrap_or_default();
        let withdrawn = if *withdrawn { ", withdrawn: broken" } else { "" };
        writeln!(path, "  - {{app: 1.{index}.0{provides}{withdrawn}}}").expect("a string");
    }
    let sections = [
        ("recommended", recommended(world)),
        ("required_stops", world.required.iter().map(|stop| format!("  - {{app: 1.{stop}.0}}\n")).collect()),
        ("blocked", blocked(world)),
    ];
    for (key, lines) in sections.iter().filter(|(_, lines)| !lines.is_empty()) {
        write!(path, "{key}:\n{lines}").expect("a string");
    }
    let file = |path: String, text: String| SourceFile { path: Arc::from(path), bytes: text.into_bytes() };
    let migrations = world
        .migrations
        .iter()
        .enumerate()
        .map(|(index, migration)| file(format!("manifests/random/m{index}.yaml"), manifest(index, migration)));
    std::iter::once(file("upgrade-paths/random.yaml".to_owned(), path)).chain(migrations).collect()
}

pub fn recommended(world: &World) -> String {
    let numbered = world.migrations.iter().enumerate();
    let entries = numbered.filter_map(|(index, migration)| Some((index, migration.recommended?)));
    entries.map(|(index, app)| format!("  - {{migrations: [m{index}], app: 1.{app}.0}}\n")).collect()
}

pub fn blocked(world: &World) -> String {
    let range = |(low, high): (usize, usize)| format!("\">=1.{low}.0, <=1.{high}.0\"");
    let line = |(from, to): &_| format!("  - {{from: {}, to: {}, reason: known}}\n", range(*from), range(*to));
    world.blocked.iter().map(line).collect()
}

pub fn manifest(index: usize, migration: &Migration) -> String {
    let mut text = format!("format: orchestrate/v1\nkind: migration\nname: m{index}\noperations: []\n");
    let min = migration.min.map(|min| format!("min: 1.{min}.0"));
    let max = migration.max.map(|max| format!("max: 1.{max}.5"));
    let ends: Vec<String> = min.into_iter().chain(max).collect();
    writeln!(text, "window: {{{}}}", ends.join(", ")).expect("a string");
    let names: Vec<String> = migration.depends_on.iter().map(|before| format!("m{before}")).collect();
    writeln!(text, "depends_on: [{}]", names.join(", ")).expect("a string");
    if let Some(version) = migration.needs {
        writeln!(text, "services: {{db: \"={version}\"}}").expect("a string");
    }
    text
}

/// What brute force finds: the path, and its cost as (away, deploys).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub away: usize,
    pub deploys: usize,
    pub path: Vec<usize>,
}

impl World {
    pub fn may_run(&self, migration: &Migration, stop: usize) -> bool {
        let provided = self.releases[stop].0;
        migration.min.is_none_or(|min| min <= stop)
            && migration.max.is_none_or(|max| stop <= max)
            && migration.needs.is_none_or(|needed| provided.is_none_or(|provided| provided == needed))
    }

    /// Whether a release is above a migration's window.
    pub fn is_gated(&self, migration: &Migration, stop: usize) -> bool {
        migration.max.is_some_and(|max| max < stop)
    }

    pub fn done(&self) -> BTreeSet<usize> {
        self.completed.clone().unwrap_or_else(|| {
            let gone = (0..self.migrations.len()).filter(|index| self.is_gated(&self.migrations[*index], self.from));
            let mut done: BTreeSet<usize> = gone.collect();
            // Dependencies have lower numbers, so one pass from the top reaches all of them.
            for index in (0..self.migrations.len()).rev() {
                if done.contains(&index) {
                    done.extend(self.migrations[index].depends_on.clone());
                }
            }
            done
        })
    }

    pub fn forced(&self, done: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut forced = BTreeSet::new();
        for index in (0..self.migrations.len()).rev().filter(|index| !done.contains(index)) {
            let waits = |other: &usize| self.migrations[*other].depends_on.contains(&index);
            let is_gated = self.to > self.from && self.is_gated(&self.migrations[index], self.to);
            if is_gated || forced.iter().any(waits) {
                forced.insert(index);
            }
        }
        forced
    }

    pub fn may_move(&self, from: usize, to: usize) -> bool {
        let inside = |(low, high): (usize, usize), stop: usize| low <= stop && stop <= high;
        from < to
            && !self.releases[to].1
            && !self.required.iter().any(|stop| from < *stop && *stop < to)
            && !self.blocked.iter().any(|(a, b)| inside(*a, from) && inside(*b, to))
    }

    /// The best answer of all there are.
    pub fn brute_force(&self, preference: Preference) -> Option<Answer> {
        let done = self.done();
        let forced: Vec<usize> = self.forced(&done).into_iter().collect();
        let between = self.to.saturating_sub(self.from).saturating_sub(1);
        let mut answers = Vec::new();
        for bits in 0u32..1 << between {
            let inner = (0..between).filter(|bit| bits >> bit & 1 == 1).map(|bit| self.from + 1 + bit);
            let mut path: Vec<usize> = std::iter::once(self.from).chain(inner).collect();
            path.extend((self.to > self.from).then_some(self.to));
            if path.windows(2).all(|pair| self.may_move(pair[0], pair[1]))
                && let Some(away) = self.least_away(&path, &forced, &done, &mut Vec::new())
            {
                answers.push(Answer { away, deploys: path.len() - 1, path });
            }
        }
        answers.into_iter().min_by_key(|answer| {
            let cost = match preference {
                Preference::Recommended => (answer.away, answer.deploys),
                Preference::Fewest => (answer.deploys, answer.away),
            };
            let later_first: Vec<std::cmp::Reverse<usize>> =
                answer.path.iter().copied().map(std::cmp::Reverse).collect();
            (cost, later_first)
        })
    }

    /// The fewest migrations away from their recommended release, over all placements on a path.
    pub fn least_away(
        &self,
        path: &[usize],
        forced: &[usize],
        done: &BTreeSet<usize>,
        placed: &mut Vec<usize>,
    ) -> Option<usize> {
        let Some(index) = forced.get(placed.len()) else {
            return self.opens_every_gate(path, forced, done, placed).then_some(0);
        };
        let migration = &self.migrations[*index];
        let place_of = |before: usize| forced.iter().position(|other| *other == before).map(|at| placed[at]);
        let ready = |stop: usize| {
            let waits_for = migration.depends_on.iter().filter(|before| !done.contains(before));
            waits_for.copied().all(|before| place_of(before).is_some_and(|place| place <= stop))
        };
        let possible: Vec<usize> =
            path.iter().copied().filter(|stop| self.may_run(migration, *stop) && ready(*stop)).collect();
        let mut least = None;
        for stop in possible {
            let away = usize::from(migration.recommended.is_some_and(|recommended| recommended != stop));
            placed.push(stop);
            let rest = self.least_away(path, forced, done, placed);
            placed.pop();
            least = [least, rest.map(|rest| rest + away)].into_iter().flatten().min();
        }
        least
    }

    pub fn opens_every_gate(&self, path: &[usize], forced: &[usize], done: &BTreeSet<usize>, placed: &[usize]) -> bool {
        path.iter().skip(1).all(|stop| {
            let gated = (0..self.migrations.len()).filter(|index| self.is_gated(&self.migrations[*index], *stop));
            gated
                .filter(|index| !done.contains(index))
                .all(|index| forced.iter().position(|other| *other == index).is_some_and(|at| placed[at] < *stop))
        })
    }
}
