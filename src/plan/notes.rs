//! The notes that each move crosses.

use std::collections::BTreeSet;

use crate::model::{Crossing, Note, Version};

use super::context::Context;
use super::line::Stop;
use super::problem::World;
use super::{DueNote, Step};

/// Gives each deploying step the notes between the release before it and its own, those before the deploy first, then in
/// the order of the versions crossed.
pub(super) fn attach(world: &World<'_>, stops: &[Stop<'_>], steps: &mut [Step], warnings: &mut Vec<String>) {
    let mut app = stops[0].app.clone();
    let mut chart = stops[0].chart.clone().or_else(|| lowest_chart(world, &app));
    let mut from = &stops[0];
    let names = note_names(&world.product.notes);
    for (stop, step) in stops[1..].iter().zip(steps.iter_mut().filter(|step| step.deploy)) {
        let crossed = |note: &Note| match &note.crossing {
            Crossing::App(version) => app < *version && *version <= stop.app,
            Crossing::Chart(version) => {
                stop.chart.as_ref().is_some_and(|to| *version <= *to)
                    && chart.as_ref().is_none_or(|from| from < version)
            }
        };
        let mut notes: Vec<(&Note, &String)> =
            world.product.notes.iter().zip(&names).filter(|(note, _)| crossed(note)).collect();
        notes.sort_by_cached_key(|(note, _)| {
            (note.when, shipped_by(world, &note.crossing), chart_of(note), note.place.clone())
        });
        let context = Context::new(step.number, stop, step.image_tag.as_deref(), from);
        step.notes = notes.into_iter().map(|(note, name)| due(note, name, &context, warnings)).collect();
        app = app.max(stop.app.clone());
        chart = chart.max(stop.chart.clone());
        from = stop;
    }
}

/// Longer names are cut at a word, unless another note has the same beginning.
const NAME_CHARS: usize = 40;

/// What a person types to confirm each note of a product, by its title: the same in every plan.
pub fn note_names(notes: &[Note]) -> Vec<String> {
    let short: Vec<String> = notes.iter().map(|note| name(&note.title, NAME_CHARS)).collect();
    let mut taken = BTreeSet::new();
    let named = notes.iter().zip(&short).map(|(note, cut)| {
        let is_alone = short.iter().filter(|other| *other == cut).count() == 1;
        let name = if is_alone { cut.clone() } else { name(&note.title, usize::MAX) };
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
        let free = free.unwrap_or_default();
        taken.insert(free.clone());
        free
    });
    named.collect()
}

/// A title as a word that is easily typed: its letters and digits, divided by hyphens.
fn name(title: &str, chars_max: usize) -> String {
    let lower = title.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && c != '.').map(|word| word.trim_matches('.'));
    let mut name = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !name.is_empty() && name.chars().count() + 1 + word.chars().count() > chars_max {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(word);
    }
    if name.is_empty() { "note".to_owned() } else { name }
}

/// The cautious reading of an unknown chart: the lowest that ships this app, or the next lower one.
fn lowest_chart(world: &World<'_>, app: &Version) -> Option<Version> {
    let below = world.product.releases.iter().filter(|release| release.app <= *app && release.chart.is_some());
    let nearest = below.clone().map(|release| &release.app).max()?;
    below.filter(|release| release.app == *nearest).filter_map(|release| release.chart.clone()).min()
}

/// The app version at which a crossing happens, so that notes on apps and on charts have one order.
fn shipped_by(world: &World<'_>, crossing: &Crossing) -> Option<Version> {
    match crossing {
        Crossing::App(app) => Some(app.clone()),
        Crossing::Chart(chart) => {
            let from =
                world.product.releases.iter().filter(|release| release.chart.as_ref().is_some_and(|c| c >= chart));
            // The lowest app, so that a later chart never comes before an earlier one.
            from.map(|release| release.app.clone()).min()
        }
    }
}

fn chart_of(note: &Note) -> Option<Version> {
    match &note.crossing {
        Crossing::Chart(chart) => Some(chart.clone()),
        Crossing::App(_) => None,
    }
}

fn due(note: &Note, name: &str, context: &Context, warnings: &mut Vec<String>) -> DueNote {
    let body = crate::template::render_text(&note.body.text, context).unwrap_or_else(|error| {
        warnings.push(format!("{}: {error}", note.body.place));
        note.body.text.clone()
    });
    DueNote {
        name: name.to_owned(),
        title: note.title.split_whitespace().collect::<Vec<_>>().join(" "),
        body: body.trim_end().to_owned(),
        when: note.when,
        acknowledge: note.acknowledge,
        crossing: note.crossing.clone(),
    }
}
