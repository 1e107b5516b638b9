//! A route written down as steps: every migration on its stop, every chart going upward.

use std::collections::{BTreeMap, BTreeSet};

use version_ranges::Ranges;

use crate::model::{Release, ServiceVersion, Version, format_ranges};

use super::context::Context;
use super::covers::{self, Covers};
use super::line::Stop;
use super::observed::Done;
use super::problem::{Problem, World};
use super::reasons::Reasons;
use super::request::Request;
use super::route::Route;
use super::{Plan, PlanDocument, Step, notes, services};

/// The plan of a route.
pub(super) fn plan<'a>(
    world: &'a World<'a>,
    problem: &Problem<'a>,
    route: &Route,
    done: &Done,
    request: &Request,
) -> Plan {
    let mut warnings = request.warnings.clone();
    let placed = placed(world, problem, route, &done.all, request.only_required);
    let mut stops: Vec<Stop<'_>> = route.path.iter().map(|stop| Stop::clone(problem.stops[*stop])).collect();
    keep_charts_rising(world, &mut stops, &placed, &mut warnings);
    let reasons = Reasons::of(world, problem, route);
    let mut steps = Vec::new();
    for (position, stop) in stops.iter().enumerate() {
        let here = &placed[position];
        if position == 0 && here.is_empty() {
            continue;
        }
        let number = steps.len() + 1;
        let chart_ships = stop.facts.first().filter(|_| stop.image_override).map(|release| release.app.clone());
        steps.push(Step {
            number,
            deploy: position > 0,
            release: stop.release(),
            image_tag: image_tag(world, number, stop, &stops[position.saturating_sub(1)], &mut warnings),
            chart_ships,
            migrations: here.iter().map(|number| world.order.migrations[*number].name.clone()).collect(),
            because: reasons.because(here, position),
            notes: Vec::new(),
            needs: needs(world, stop, here, &mut warnings),
            provides: provides(stop),
        });
    }
    notes::attach(world, &stops, &mut steps, &mut warnings);
    let assumed = done.assumed.iter();
    let assumed_complete: BTreeSet<_> = assumed.map(|number| world.order.migrations[*number].name.clone()).collect();
    let from = stops[0].release();
    let to = stops.last().map_or_else(|| from.clone(), Stop::release);
    let mut plan = Plan {
        product: world.product.name.to_string(),
        title: world.product.title.clone(),
        digest: String::new(),
        covers: Covers::of(world, request, done),
        environment: request.observed.as_ref().map(|observed| observed.installation.clone()),
        services: services::lines(&stops[0], &steps, request.observed.as_ref(), &mut warnings),
        from,
        to,
        assumed_complete: assumed_complete.into_iter().collect(),
        not_required: done.not_required.clone(),
        steps,
        warnings,
    };
    plan.digest = covers::digest(&PlanDocument::from(&plan));
    plan
}

/// For each stop of the path, the migrations that run there, in order: the forced ones, then those that can.
fn placed(
    world: &World<'_>,
    problem: &Problem<'_>,
    route: &Route,
    done: &BTreeSet<usize>,
    only_required: bool,
) -> Vec<Vec<usize>> {
    let mut at: BTreeMap<usize, usize> = BTreeMap::new();
    for (task, stop) in problem.tasks.iter().zip(&route.places) {
        if let Ok(position) = route.path.binary_search(stop) {
            at.insert(task.number, position);
        }
    }
    for (number, migration) in world.order.migrations.iter().enumerate() {
        if only_required || done.contains(&number) || at.contains_key(&number) {
            continue;
        }
        let waits_for = world.order.dependencies[number].iter().filter(|before| !done.contains(before));
        let positions: Option<Vec<usize>> = waits_for.map(|before| at.get(before).copied()).collect();
        let Some(positions) = positions else { continue };
        let after = positions.into_iter().max().unwrap_or(0);
        let stop = |position: usize| problem.stops[route.path[position]];
        let allowed = |position: &usize| {
            let stop = stop(*position);
            migration.window.contains(&stop.app) && stop.serves(migration)
        };
        let first_from = |app: &Version| route.path.partition_point(|place| problem.stops[*place].app < *app);
        let recommended = world.product.recommended.get(&migration.name).and_then(|entry| {
            let position = first_from(&entry.app);
            let is_on_path = position < route.path.len() && stop(position).app == entry.app;
            (is_on_path && position >= after && allowed(&position)).then_some(position)
        });
        let earliest = migration.window.min.as_ref().map_or(0, first_from).max(after);
        let in_window = |position: &usize| !migration.window.ends_below(&stop(*position).app);
        let first = || (earliest..route.path.len()).take_while(in_window).find(allowed);
        let chosen = recommended.or_else(first);
        if let Some(position) = chosen {
            at.insert(number, position);
        }
    }
    let mut placed = vec![Vec::new(); route.path.len()];
    for (number, position) in at {
        placed[position].push(number);
    }
    placed
}

/// A chart is never followed by a lower one: where a recommended pair would lead to that, the stop takes the newest chart
/// of its app that fits between its neighbours and still serves its migrations.
fn keep_charts_rising<'a>(
    world: &'a World<'a>,
    stops: &mut [Stop<'a>],
    placed: &[Vec<usize>],
    warnings: &mut Vec<String>,
) {
    for position in (0..stops.len().saturating_sub(1)).rev() {
        let (Some(chart), Some(limit)) = (stops[position].chart.clone(), stops[position + 1].chart.clone()) else {
            continue;
        };
        if chart <= limit {
            continue;
        }
        let app = stops[position].app.clone();
        let lower = |release: &'a Release| {
            let chart = release.chart.as_ref().filter(|chart| **chart <= limit && release.withdrawn.is_none())?;
            let stop = Stop {
                chart: Some(chart.clone()),
                image_override: false,
                facts: vec![release],
                ..stops[position].clone()
            };
            let is_enough = placed[position].iter().all(|number| stop.serves(world.order.migrations[*number]));
            is_enough.then_some((chart, stop))
        };
        let lower = world.product.releases_of(&app).iter().rev().find_map(lower);
        match lower.filter(|_| position > 0) {
            Some((chosen, stop)) => {
                warnings.push(format!(
                    "chart {chart} for {app} is above chart {limit} of the next step; chart {chosen} is taken instead"
                ));
                stops[position] = stop;
            }
            None => warnings.push(format!("the step after {app} takes the chart down from {chart} to {limit}")),
        }
    }
}

/// The tag of the image, where the chart would deploy another.
fn image_tag(
    world: &World<'_>,
    number: usize,
    stop: &Stop<'_>,
    from: &Stop<'_>,
    warnings: &mut Vec<String>,
) -> Option<String> {
    let template = &world.product.image_tag;
    let context = stop.image_override.then(|| Context::new(number, stop, None, from))?;
    Some(crate::template::render_text(&template.text, &context).unwrap_or_else(|error| {
        warnings.push(format!("{}: `image_tag`: {error}", template.place));
        stop.app.to_string()
    }))
}

/// The services that a step brings along.
fn provides(stop: &Stop<'_>) -> BTreeMap<String, ServiceVersion> {
    let version = |name: &str| Some((name.to_owned(), stop.provides(name)?.clone()));
    stop.services().into_iter().filter_map(version).collect()
}

/// What a step expects: what its release says, and what its migrations need of services that the release does not bring.
/// Where these exclude each other, one version cannot serve the whole step, which is warned of.
fn needs(
    world: &World<'_>,
    stop: &Stop<'_>,
    migrations: &[usize],
    warnings: &mut Vec<String>,
) -> BTreeMap<String, Ranges<ServiceVersion>> {
    let own = stop.services().into_iter().map(|service| (service.to_owned(), stop.needs(service)));
    let mut needs: BTreeMap<String, Ranges<ServiceVersion>> = own.collect();
    for number in migrations {
        let migration = world.order.migrations[*number];
        for (service, range) in migration.services.iter().filter(|(service, _)| stop.provides(service).is_none()) {
            let all = needs.entry(service.clone()).or_insert_with(Ranges::full);
            let both = all.intersection(range.set());
            if both == Ranges::empty() {
                warnings.push(format!(
                    "at {}, {} needs {service} {range}, and what else runs there needs {}: change {service} in between",
                    stop.app,
                    migration.name,
                    format_ranges(all)
                ));
            } else {
                *all = both;
            }
        }
    }
    needs.retain(|_, range| *range != Ranges::full());
    needs
}
