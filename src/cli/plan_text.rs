//! A plan as an operator reads it at a terminal: what to do, in order, and why.

use crate::model::{MigrationName, NoteTime, format_ranges};
use crate::plan::{DueNote, NoPlan, Plan, Release, Step};

use super::output::style;

/// Where the text of a labelled line begins.
const INDENT: &str = "            ";
const WIDTH: usize = 100;

/// A whole plan.
pub(super) fn plan(plan: &Plan) -> String {
    let mut lines = vec![heading(plan)];
    if let Some(environment) = &plan.environment {
        lines.push(format!("for the environment `{}` (identity {})", environment.name, environment.identity));
    }
    lines.push(String::new());
    if plan.steps.len() > 1 {
        lines.extend(plan.steps.iter().flat_map(overview));
        lines.push(String::new());
    }
    lines.extend(done(plan));
    for step in &plan.steps {
        lines.extend(self::step(step, plan.steps.len()));
        lines.push(String::new());
    }
    if !plan.services.is_empty() {
        lines.push(style::title("Services"));
        for line in &plan.services {
            let label = format!("  {:<9} ", line.name);
            for (index, segment) in line.segments.iter().enumerate() {
                let steps = match segment.from_step == segment.to_step {
                    true => format!("step {}", segment.from_step),
                    false => format!("steps {} to {}", segment.from_step, segment.to_step),
                };
                let text = format!("{} serves {steps}", format_ranges(&segment.range));
                lines.extend(wrap(&text, if index == 0 { &label } else { INDENT }, INDENT));
            }
            lines.extend(line.advice.iter().flat_map(|advice| wrap(advice, INDENT, INDENT)));
        }
        lines.push(String::new());
    }
    lines.push(style::faint(&format!("plan {}", plan.digest)));
    lines.join("\n")
}

/// What need not run, and how that is known.
fn done(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    let completed = plan.covers.completed.as_ref().filter(|names| plan.environment.is_some() && !names.is_empty());
    if let Some(names) = completed {
        lines.extend(wrap(&format!("Complete: {}", names.join(", ")), "", ""));
        lines.push(String::new());
    }
    if !plan.assumed_complete.is_empty() {
        let names = join(&plan.assumed_complete);
        let text = format!("Taken as complete, since {} could not have started without: {names}", plan.from.app);
        lines.extend(wrap(&text, "", ""));
        lines.push(String::new());
    }
    if !plan.not_required.is_empty() {
        lines.push("Not required here:".to_owned());
        for found in &plan.not_required {
            lines.extend(wrap(&format!("{}: {}", found.migration, found.evidence), "  ", "    "));
        }
        lines.push(String::new());
    }
    lines
}

fn heading(plan: &Plan) -> String {
    let deploys = plan.steps.iter().filter(|step| step.deploy).count();
    let steps = match (plan.steps.len(), deploys) {
        (0, _) => "nothing to do".to_owned(),
        (1, 0) => "migrations to run, nothing to deploy".to_owned(),
        (1, _) => "1 step".to_owned(),
        (steps, _) => format!("{steps} steps"),
    };
    let way = if plan.from.app == plan.to.app {
        format!("{} at {}", plan.title, release(&plan.from))
    } else {
        format!("{} from {} to {}", plan.title, release(&plan.from), release(&plan.to))
    };
    style::title(&format!("{way}: {steps}"))
}

/// A step on a line or two, since a step with its notes may fill a screen.
fn overview(step: &Step) -> Vec<String> {
    let mut parts = Vec::new();
    if step.deploy {
        parts.push(format!("deploy {}", release(&step.release)));
    }
    if !step.migrations.is_empty() {
        parts.push(format!("run {}", join(&step.migrations)));
    }
    let confirmed = step.notes.iter().filter(|note| note.acknowledge).count();
    match (step.notes.len(), confirmed) {
        (0, _) => {}
        (1, 0) => parts.push("1 note".to_owned()),
        (notes, 0) => parts.push(format!("{notes} notes")),
        (1, _) => parts.push("1 note to be confirmed".to_owned()),
        (notes, confirmed) => parts.push(format!("{notes} notes, {confirmed} to be confirmed")),
    }
    wrap(&parts.join("; "), &format!("  {}. ", step.number), "     ")
}

fn release(release: &Release) -> String {
    match &release.chart {
        Some(chart) => format!("{} (chart {chart})", release.app),
        None => release.app.to_string(),
    }
}

fn join(names: &[MigrationName]) -> String {
    names.iter().map(MigrationName::as_str).collect::<Vec<_>>().join(", ")
}

fn step(step: &Step, steps: usize) -> Vec<String> {
    let what =
        if step.deploy { release(&step.release) } else { format!("{}, already deployed", release(&step.release)) };
    let mut lines = vec![style::title(&format!("Step {} of {steps}: {what}", step.number))];
    let because = step.because.iter().map(|because| because.text.as_str());
    lines.extend(labelled("because", because));
    lines.extend(notes(step, NoteTime::Before));
    if step.deploy {
        lines.extend(labelled("deploy", deploy(step).iter().map(String::as_str)));
    }
    let needs: Vec<String> =
        step.needs.iter().map(|(name, range)| format!("{name} {}", format_ranges(range))).collect();
    lines.extend(labelled("needs", needs.iter().map(String::as_str)));
    let provides: Vec<String> = step.provides.iter().map(|(name, version)| format!("{name} {version}")).collect();
    lines.extend(labelled("brings", provides.iter().map(String::as_str)));
    lines.extend(labelled("run", step.migrations.iter().map(MigrationName::as_str)));
    lines.extend(notes(step, NoteTime::After));
    lines
}

/// What to deploy, with the helm value to set where the chart would deploy another version.
fn deploy(step: &Step) -> Vec<String> {
    let app = &step.release.app;
    let Some(chart) = &step.release.chart else { return vec![app.to_string()] };
    let Some(tag) = &step.image_tag else { return vec![format!("chart {chart}, which ships {app}")] };
    let own = step.chart_ships.as_ref().map(|own| format!(", which by itself ships {own}")).unwrap_or_default();
    vec![
        format!("chart {chart}{own}; set in values.yaml:"),
        "  image:".to_owned(),
        format!("    tag: {tag}"),
        format!("or add to helm upgrade: --version {chart} --set image.tag={tag}"),
    ]
}

fn notes(step: &Step, when: NoteTime) -> Vec<String> {
    let label = match when {
        NoteTime::Before => "before",
        NoteTime::After => "after",
    };
    let mut lines = Vec::new();
    for note in step.notes.iter().filter(|note| note.when == when) {
        lines.extend(labelled(label, std::iter::once(title(note).as_str())));
        lines.extend(body(&note.body));
    }
    lines
}

/// A note's markdown: paragraphs are filled, code and tables stay as they are.
fn body(markdown: &str) -> Vec<String> {
    let indent = format!("{INDENT}  ");
    let mut lines = Vec::new();
    let mut paragraph = String::new();
    let mut in_code = false;
    for line in markdown.lines() {
        let fence = line.trim_start().starts_with("```");
        let begins = line.starts_with(['|', '#']) || line.trim_start().starts_with("- ") || line.trim().is_empty();
        if fence || in_code || begins {
            lines.extend(fill(&std::mem::take(&mut paragraph), &indent));
        }
        match (fence || in_code, line.trim().is_empty()) {
            (true, _) => lines.push(format!("{indent}{line}").trim_end().to_owned()),
            (false, true) => lines.push(String::new()),
            (false, false) if line.starts_with('|') => lines.push(format!("{indent}{line}")),
            (false, false) if paragraph.is_empty() => line.clone_into(&mut paragraph),
            (false, false) => {
                paragraph.push(' ');
                paragraph.push_str(line.trim_start());
            }
        }
        in_code ^= fence;
    }
    lines.extend(fill(&paragraph, &indent));
    lines
}

fn fill(paragraph: &str, indent: &str) -> Vec<String> {
    if paragraph.is_empty() { Vec::new() } else { wrap(paragraph, indent, indent) }
}

fn title(note: &DueNote) -> String {
    let version = match &note.crossing {
        crate::model::Crossing::App(app) => app.to_string(),
        crate::model::Crossing::Chart(chart) => format!("chart {chart}"),
    };
    let confirm = if note.acknowledge { format!(" (to be confirmed: {})", note.name) } else { String::new() };
    format!("{version}: {}{confirm}", note.title)
}

/// Lines of which the first has a label.
fn labelled<'a>(label: &str, texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let first = format!("  {label:<10}");
    texts.enumerate().flat_map(|(index, text)| wrap(text, if index == 0 { &first } else { INDENT }, INDENT)).collect()
}

/// Breaks a text at blanks; what stands in a code block or a list keeps its own indentation.
fn wrap(text: &str, first: &str, rest: &str) -> Vec<String> {
    let own: String = text.chars().take_while(|c| *c == ' ').collect();
    let hang = if text.trim_start().starts_with("- ") { "  " } else { "" };
    let (first, rest) = (format!("{first}{own}"), format!("{rest}{own}{hang}"));
    let options = textwrap::Options::new(WIDTH).initial_indent(&first).subsequent_indent(&rest).break_words(false);
    let lines = textwrap::wrap(text.trim_start(), options.word_splitter(textwrap::WordSplitter::NoHyphenation));
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Why there is no plan, and what would open the way.
pub(super) fn refusal(refusal: &NoPlan) -> String {
    let mut lines = vec![format!("{}{}", style::error("error: "), reasons(refusal))];
    lines.extend(refusal.fixes.iter().map(|fix| format!("{}{fix}", style::hint("hint: "))));
    lines.join("\n")
}

/// Why there is no plan.
pub(super) fn reasons(refusal: &NoPlan) -> String {
    let way = format!("there is no plan from {} to {}", release(&refusal.from), release(&refusal.to));
    let mut lines = vec![way];
    for (index, reason) in refusal.reasons.iter().enumerate() {
        let first = if index == 0 { "  because " } else { "      and " };
        lines.extend(wrap(&reason.text, first, "          "));
        if let Some(place) = &reason.place {
            lines.push(style::faint(&format!("          at {}:{}", place.file, place.line)));
        }
    }
    lines.join("\n")
}
