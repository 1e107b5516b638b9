//! How findings look: like a compiler's, as JSON, as SARIF, as annotations of GitHub Actions.

use std::borrow::Cow;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::manifest::Sources;
use crate::model::{Finding, Place, Severity};

/// The format of findings as JSON.
pub(super) const LINT_FORMAT: &str = "orchestrate.lint/v1";

/// Like a compiler's, with the line of each place.
pub(super) fn text(findings: &[Finding], sources: &Sources) -> String {
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii);
    let shown: Vec<String> = findings.iter().map(|finding| renderer.render(&[group(finding, sources)])).collect();
    shown.join("\n\n")
}

fn group<'a>(finding: &'a Finding, sources: &'a Sources) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level.primary_title(&finding.message).id(finding.rule).elements(std::iter::empty::<Element<'_>>());
    let is_beside = |place: &Place| (&place.file, place.line) == (&finding.place.file, finding.place.line);
    let context = |span, role| AnnotationKind::Context.span(span).label(role);
    if let Some((line, span)) = excerpt(&finding.place, sources) {
        let mut snippet = snippet(&finding.place, line).annotation(AnnotationKind::Primary.span(span));
        for (place, role) in finding.related.iter().filter(|(place, _)| is_beside(place)) {
            let beside = excerpt(place, sources).map(|(_, span)| context(span, role.as_str()));
            snippet = snippet.annotations(beside);
        }
        group = group.element(snippet);
    }
    for (place, role) in finding.related.iter().filter(|(place, _)| !is_beside(place)) {
        if let Some((line, span)) = excerpt(place, sources) {
            group = group.element(snippet(place, line).annotation(context(span, role.as_str())));
        }
    }
    match &finding.hint {
        Some(hint) => group.element(Level::HELP.with_name("hint").message(hint)),
        None => group,
    }
}

fn snippet<'a>(place: &'a Place, line: &'a str) -> Snippet<'a, Annotation<'a>> {
    let is_plain = !place.file.contains(char::is_control);
    let path = if is_plain { Cow::Borrowed(&*place.file) } else { Cow::Owned(place.file.escape_debug().to_string()) };
    Snippet::source(line).path(path).line_start(place.line as usize)
}

/// The line of a place, and the place's bytes within it; a place never reaches beyond its first line.
fn excerpt<'a>(place: &Place, sources: &'a Sources) -> Option<(&'a str, std::ops::Range<usize>)> {
    let text = sources.get(&place.file)?;
    let start = (place.start as usize).min(text.len());
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(line_start..)?.lines().next().unwrap_or_default();
    let begin = (start - line_start).min(line.len());
    let end = (place.end as usize).saturating_sub(line_start).clamp(begin, line.len());
    let end =
        if end == begin { line.get(begin..)?.chars().next().map_or(begin, |c| begin + c.len_utf8()) } else { end };
    Some((line, begin..end))
}

/// `orchestrate.lint/v1`.
pub(super) fn json(findings: &[Finding]) -> Value {
    let related = |(place, role): &(Place, String)| json!({ "file": &*place.file, "line": place.line, "column": place.column, "message": role });
    let one = |finding: &Finding| {
        json!({
            "rule": finding.rule,
            "severity": finding.severity.as_str(),
            "file": &*finding.place.file,
            "line": finding.place.line,
            "column": finding.place.column,
            "message": finding.message,
            "hint": finding.hint,
            "related": finding.related.iter().map(related).collect::<Vec<_>>(),
        })
    };
    json!({ "format": LINT_FORMAT, "findings": findings.iter().map(one).collect::<Vec<_>>() })
}

/// SARIF 2.1.0 (OASIS), as code scanning reads it.
pub(super) fn sarif(findings: &[Finding], rules: &[(&str, &str)]) -> Value {
    let location = |place: &Place| {
        json!({ "physicalLocation": {
            "artifactLocation": { "uri": uri(&place.file) },
            "region": { "startLine": place.line, "startColumn": place.column },
        }})
    };
    let result = |finding: &Finding| {
        let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let related: Vec<Value> = finding
            .related
            .iter()
            .map(|(place, role)| {
                let mut location = location(place);
                location["message"] = json!({ "text": role });
                location
            })
            .collect();
        json!({
            "ruleId": finding.rule,
            "level": finding.severity.as_str(),
            "message": { "text": format!("{}{hint}", finding.message) },
            "locations": [location(&finding.place)],
            "relatedLocations": related,
        })
    };
    let rules: Vec<Value> =
        rules.iter().map(|(name, summary)| json!({ "id": name, "shortDescription": { "text": summary } })).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "orchestrate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

/// A path as a relative URI reference (RFC 3986): all but unreserved characters and `/` in percent signs.
fn uri(path: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.bytes().map(byte).collect()
}

/// Workflow commands of GitHub Actions, one a line.
pub(super) fn github(findings: &[Finding]) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let line = |finding: &Finding| {
        let hint = finding.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        format!(
            "::{} file={},line={},col={},title={}::{}",
            finding.severity.as_str(),
            property(&finding.place.file),
            finding.place.line,
            finding.place.column,
            property(finding.rule),
            data(&format!("{}{hint}", finding.message)),
        )
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}
