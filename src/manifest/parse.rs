//! Bytes → a tree of nodes, through the event parser; the only code that knows the YAML crate.
//!
//! Every limit is checked while events arrive, so that a hostile file costs no more than a broken one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};

use super::node::{Node, Resolved, Size, Span, Style, Value, narrow, shown};
use super::report::{Report, WithHint};
use super::rules;

const DEPTH_MAX: usize = 64;
const ALIAS_NODES_MAX: usize = 10_000;
const ALIAS_BYTES_MAX: usize = 1 << 20;
const ANCHOR_BYTES_MAX: usize = 16 << 20;

/// The document of a file, or nothing after noting why.
pub(super) fn parse(report: &mut Report) -> Option<Node> {
    let text = std::sync::Arc::clone(&report.text);
    refuse_lone_returns(report, &text)?;
    let mut builder = Builder {
        report,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        anchored: 0,
        root: None,
        aliases: Size { nodes: 0, bytes: 0, depth: 0 },
    };
    for event in Parser::new_from_str(&text) {
        match event {
            Ok((event, span)) => builder.event(event, &span).ok()?,
            Err(error) => {
                builder.syntax_error(&error);
                return None;
            }
        }
    }
    let root = builder.root;
    if root.as_ref().is_none_or(Node::is_null) {
        report
            .error(rules::FILE_UNREADABLE, Span::START, "the file is empty")
            .with_hint("begin with `format: orchestrate/v1` and `kind: …`, or delete the file");
        return None;
    }
    root
}

/// A finding was noted and the file is given up.
struct GivenUp;

/// A collection that is not closed yet.
struct Open {
    span: Span,
    anchor: usize,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<(Node, Node)>, key: Option<Node>, seen: BTreeMap<String, Span> },
}

struct Builder<'a> {
    report: &'a mut Report,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    /// How many bytes the anchors hold.
    anchored: usize,
    root: Option<Node>,
    /// What aliases repeat, in all.
    aliases: Size,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: &granit_parser::Span) -> Result<(), GivenUp> {
        let place = convert(span);
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                let found = "a second document begins here";
                let finding = self.report.error(rules::FILE_UNREADABLE, place, found);
                finding.with_hint("one file holds one document; write the second one into a file of its own");
                Err(GivenUp)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                };
                self.refuse_tag(tag.as_deref(), place)?;
                let node = Node { value: Value::Scalar { text: text.into_owned(), style }, span: place };
                self.finish(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), place)?;
                self.begin(place, anchor, Items::Sequence(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), place)?;
                self.begin(place, anchor, Items::Mapping { entries: Vec::new(), key: None, seen: BTreeMap::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => Ok(()),
            // Comments and anchors' names are not asked for, and the enum may grow.
            Event::Anchor(..) | Event::UnresolvedAlias(_) | _ => Ok(()),
        }
    }

    fn begin(&mut self, span: Span, anchor: usize, items: Items) -> Result<(), GivenUp> {
        if self.open.len() >= DEPTH_MAX {
            return self.too_deep(span);
        }
        self.open.push(Open { span, anchor, items });
        Ok(())
    }

    fn end(&mut self, end: Span) -> Result<(), GivenUp> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.items {
            Items::Sequence(items) => Value::Sequence(items),
            Items::Mapping { entries, .. } => Value::Mapping(entries),
        };
        let span = Span { end: end.end.max(open.span.end), ..open.span };
        self.finish(Node { value, span }, open.anchor)
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), GivenUp> {
        if anchor != 0 {
            // Anchors inside anchors keep their content once more at each level.
            self.anchored += node.size().bytes;
            if self.anchored > ANCHOR_BYTES_MAX {
                let finding = self.report.error(rules::YAML_LIMITS, node.span, "anchors hold more than 16 MiB");
                finding.with_hint("write the values out, or generate several files");
                return Err(GivenUp);
            }
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.items {
            Items::Sequence(items) => items.push(node),
            Items::Mapping { entries, key, seen } => match key.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    check_key(self.report, &node, seen)?;
                    *key = Some(node);
                }
            },
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), GivenUp> {
        let Some(node) = self.anchors.get(&anchor) else {
            let finding = self.report.error(rules::YAML_SYNTAX, span, "an alias inside its own anchor");
            finding.with_hint("write the value out");
            return Err(GivenUp);
        };
        let size = node.size();
        self.aliases.nodes += size.nodes;
        self.aliases.bytes += size.bytes;
        if self.open.len() + size.depth > DEPTH_MAX {
            return self.too_deep(span);
        }
        if self.aliases.nodes > ALIAS_NODES_MAX || self.aliases.bytes > ALIAS_BYTES_MAX {
            let finding = self.report.error(rules::YAML_LIMITS, span, "aliases repeat more than 10,000 nodes or 1 MiB");
            finding.with_hint("write the values out, or generate several files");
            return Err(GivenUp);
        }
        let node = node.clone();
        self.finish(node, 0)
    }

    /// The place of a word that stands before another on the same line, else that of the other.
    fn before(&self, span: Span, word: &str) -> Span {
        let above = self.report.text.get(..span.start as usize).unwrap_or_default();
        let line = above.rsplit('\n').next().unwrap_or_default();
        let Some(at) = line.rfind(word) else { return span };
        let start = above.len() - line.len() + at;
        Span::within(&self.report.text, start..start + word.len())
    }

    fn too_deep(&mut self, span: Span) -> Result<(), GivenUp> {
        self.note_depth(span);
        Err(GivenUp)
    }

    fn note_depth(&mut self, span: Span) {
        let message = format!("the file is deeper than {DEPTH_MAX} levels");
        let finding = self.report.error(rules::YAML_LIMITS, span, message);
        finding.with_hint("no key of the format needs more than ten levels");
    }

    fn refuse_tag(&mut self, tag: Option<&granit_parser::Tag>, span: Span) -> Result<(), GivenUp> {
        let Some(tag) = tag else { return Ok(()) };
        let span = self.before(span, &tag.original());
        let message = format!("the tag `{}` is not part of the format", shown(&tag.original()));
        self.report.error(rules::YAML_FEATURE, span, message).with_hint("remove the tag; a text is made by quotes");
        Err(GivenUp)
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let marker = error.marker();
        let start = narrow(marker.byte_offset().unwrap_or_default().min(self.report.text.len()));
        let span = Span { line: narrow(marker.line()).max(1), column: narrow(marker.col()) + 1, start, end: start };
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            // The parser's own limit is far above ours, but it looks ahead.
            self.note_depth(span);
            return;
        }
        let kind = error.kind();
        let span = if is_tab(kind) { self.tabs_before(span) } else { span };
        let (message, hint) = syntax_words(kind);
        self.report.error(rules::YAML_SYNTAX, span, message).hint = hint.map(str::to_owned);
    }

    /// The tabs that end at a place; the parser stops behind them.
    fn tabs_before(&self, span: Span) -> Span {
        let above = self.report.text.get(..span.start as usize).unwrap_or_default();
        let tabs = narrow(above.len() - above.trim_end_matches('\t').len());
        Span { column: span.column.saturating_sub(tabs).max(1), start: span.start - tabs, ..span }
    }
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
    )
}

/// An error of the parser in plain words, with what mostly causes it; the rarer ones in the parser's own.
fn syntax_words(kind: &ErrorKind) -> (String, Option<&'static str>) {
    if is_tab(kind) {
        return ("a tab where only blanks are allowed".to_owned(), Some("indent with blanks"));
    }
    if let ErrorKind::UnexpectedCharacter { character } = kind {
        return match character.is_control() {
            true => (format!("the control character `{}`", character.escape_default()), Some("delete it")),
            false => (format!("a text cannot begin with `{character}`"), Some("write it in quotes")),
        };
    }
    let indented = Some("is this line, or the one above it, indented wrongly?");
    let quotes = Some("a text with `: ` needs quotes; else, is the line above indented wrongly?");
    let open = Some("a text with a comma, bracket or brace in it needs quotes; else, is one of them missing?");
    let known: [(&[ErrorKind], &str, Option<&'static str>); 10] = [
        (
            &[ErrorKind::ExpectedBlockMappingKey, ErrorKind::ExpectedBlockSequenceEntry, ErrorKind::InvalidIndentation],
            "the indentation does not fit the lines above",
            indented,
        ),
        (&[ErrorKind::SimpleKeyExpected, ErrorKind::InvalidSimpleKey], "a key without `:`", indented),
        (&[ErrorKind::MappingValueNotAllowed], "a second `:` in one entry", quotes),
        (
            &[ErrorKind::ExpectedFlowMappingSeparator, ErrorKind::ExpectedFlowSequenceSeparator],
            "neither a comma nor the end of the list or mapping",
            open,
        ),
        (&[ErrorKind::InvalidColonPlacement], "a `:` that belongs to nothing", open),
        (
            &[ErrorKind::InvalidQuotedScalarIndent],
            "a quoted text goes on here without being indented",
            Some("is the quote above never closed? inside '…' a quote is written ''"),
        ),
        (
            &[ErrorKind::UnclosedQuotedScalar],
            "a quote is never closed",
            Some("close it; inside '…' a quote is written ''"),
        ),
        (
            &[ErrorKind::CommentInterceptedScalar],
            "a comment inside a text of several lines",
            Some("write the text as a block below `|`, or delete the comment"),
        ),
        (
            &[ErrorKind::UnknownAnchor],
            "an alias without its anchor",
            Some("`*name` needs `&name` above it; a text that begins with `*` needs quotes"),
        ),
        (&[ErrorKind::BomInsideDocument], "a byte order mark inside the file", Some("delete it")),
    ];
    if let Some((_, message, hint)) = known.into_iter().find(|(kinds, _, _)| kinds.contains(kind)) {
        return (message.to_owned(), hint);
    }
    let hint = match kind.to_string() {
        text if text.contains("escape") => Some("inside \"…\" a backslash is written \\\\; '…' knows no escapes"),
        text if text.contains("bracket") => Some("close each `[` with `]`, and each `{` with `}`"),
        _ => None,
    };
    (kind.to_string(), hint)
}

/// A lone carriage return ends a line for YAML and for nobody else, so that no two tools would count lines alike.
fn refuse_lone_returns(report: &mut Report, text: &str) -> Option<()> {
    let is_lone = |at: &usize| !text[at + 1..].starts_with('\n');
    let Some(at) = text.match_indices('\r').map(|(at, _)| at).find(is_lone) else { return Some(()) };
    let span = Span::within(text, at..at + 1);
    let finding = report.error(rules::YAML_SYNTAX, span, "a carriage return without a line feed");
    finding.with_hint("end lines with a line feed, or with both");
    None
}

/// Keys are plain texts and stand once.
fn check_key(report: &mut Report, key: &Node, seen: &mut BTreeMap<String, Span>) -> Result<(), GivenUp> {
    let Some(text) = key.scalar() else {
        let is_template = report.text.get(key.span.start as usize..).is_some_and(|rest| rest.starts_with('{'))
            && key.span.start > 0
            && report.text.get(key.span.start as usize - 1..).is_some_and(|rest| rest.starts_with("{{"));
        let finding = report.error(rules::YAML_FEATURE, key.span, format!("{} cannot be a key", key.kind()));
        finding.with_hint(if is_template {
            "a text that begins with a template needs quotes: \"{{ … }}\""
        } else {
            "keys are plain texts"
        });
        return Err(GivenUp);
    };
    if text == "<<" {
        let finding = report.error(rules::YAML_FEATURE, key.span, "the merge key `<<` is not part of YAML 1.2");
        finding.with_hint("write the values out");
        return Err(GivenUp);
    }
    if key.resolved() != Some(Resolved::Text) {
        let message = format!("the key `{}` is {} for readers of YAML, not a text", shown(text), key.kind());
        let finding = report.error(rules::YAML_FEATURE, key.span, message);
        finding.with_hint(format!("write it in quotes if it is meant: \"{}\"", shown(text)));
    }
    match seen.entry(text.to_owned()) {
        Entry::Vacant(entry) => {
            entry.insert(key.span);
        }
        Entry::Occupied(first) => {
            let first = report.place(*first.get());
            let message = format!("the key `{}` stands twice", shown(text));
            let finding = report.error(rules::DUPLICATE_KEY, key.span, message);
            finding.related.push((first, "the first one".to_owned()));
            finding.with_hint("keep the one that is meant");
        }
    }
    Ok(())
}

fn convert(span: &granit_parser::Span) -> Span {
    let start = span.start.byte_offset().unwrap_or_default();
    let end = span.end.byte_offset().unwrap_or(start);
    Span {
        line: narrow(span.start.line()).max(1),
        column: narrow(span.start.col()) + 1,
        start: narrow(start),
        end: narrow(end),
    }
}
