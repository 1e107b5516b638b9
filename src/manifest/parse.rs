//! Bytes → a tree of nodes, through the event parser; the only code that knows the YAML crate.
//!
//! Every limit is checked while events arrive, so that a hostile file costs no more than a broken one.

use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use super::node::{Node, Span, Style, Value};
use super::report::{Report, WithHint};
use super::rules;

const DEPTH_MAX: usize = 64;
const ALIAS_NODES_MAX: usize = 10_000;
const ALIAS_BYTES_MAX: usize = 1 << 20;

/// The document of a file, or nothing after noting why.
pub(super) fn parse(report: &mut Report) -> Option<Node> {
    let text = std::sync::Arc::clone(&report.text);
    let mut builder = Builder { report, open: Vec::new(), anchors: BTreeMap::new(), root: None, aliases: (0, 0) };
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
            .error(rules::FILE_UNREADABLE, Span { line: 1, column: 1, start: 0, end: 0 }, "the file is empty")
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
    Mapping { entries: Vec<(Node, Node)>, key: Option<Node>, seen: BTreeSet<String> },
}

struct Builder<'a> {
    report: &'a mut Report,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
    aliases: (usize, usize),
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
                self.begin(place, anchor, Items::Mapping { entries: Vec::new(), key: None, seen: BTreeSet::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => Ok(()),
            // Not asked for, and the enum may grow.
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
                    check_key(self.report, &node, seen, entries)?;
                    *key = Some(node);
                }
            },
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), GivenUp> {
        let Some(node) = self.anchors.get(&anchor) else {
            self.report.error(rules::YAML_SYNTAX, span, "an alias inside its own anchor");
            return Err(GivenUp);
        };
        let size = measure(node);
        self.aliases = (self.aliases.0 + size.nodes, self.aliases.1 + size.bytes);
        if self.open.len() + size.depth > DEPTH_MAX {
            return self.too_deep(span);
        }
        if self.aliases.0 > ALIAS_NODES_MAX || self.aliases.1 > ALIAS_BYTES_MAX {
            let finding = self.report.error(rules::YAML_LIMITS, span, "aliases repeat more than 10,000 nodes or 1 MiB");
            finding.with_hint("write the values out, or generate several files");
            return Err(GivenUp);
        }
        let node = node.clone();
        self.finish(node, 0)
    }

    fn too_deep(&mut self, span: Span) -> Result<(), GivenUp> {
        let finding = self.report.error(rules::YAML_LIMITS, span, format!("deeper than {DEPTH_MAX} levels"));
        finding.with_hint("no key of the format needs more than ten levels");
        Err(GivenUp)
    }

    fn refuse_tag(&mut self, tag: Option<&granit_parser::Tag>, span: Span) -> Result<(), GivenUp> {
        let Some(tag) = tag else { return Ok(()) };
        let finding = self.report.error(rules::YAML_FEATURE, span, format!("the tag `{}`", tag.original()));
        finding.with_hint("remove the tag; a text is made by quotes");
        Err(GivenUp)
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let marker = error.marker();
        let start = narrow(marker.byte_offset().unwrap_or_default().min(self.report.text.len()));
        let span = Span { line: narrow(marker.line()).max(1), column: narrow(marker.col()) + 1, start, end: start };
        self.report.error(rules::YAML_SYNTAX, span, error.kind().to_string());
    }
}

/// Keys are plain texts and stand once.
fn check_key(
    report: &mut Report,
    key: &Node,
    seen: &mut BTreeSet<String>,
    entries: &[(Node, Node)],
) -> Result<(), GivenUp> {
    let Some(text) = key.scalar() else {
        report.error(rules::YAML_FEATURE, key.span, format!("{} as a key", key.kind()));
        return Err(GivenUp);
    };
    if text == "<<" {
        let finding = report.error(rules::YAML_FEATURE, key.span, "the merge key `<<`");
        finding.with_hint("merge keys are not part of YAML 1.2; write the values out");
        return Err(GivenUp);
    }
    if !seen.insert(text.to_owned()) {
        let first = entries.iter().find(|(other, _)| other.scalar() == Some(text)).map(|(other, _)| other.span);
        let related = first.map(|span| (report.place(span), "the first one".to_owned()));
        let finding = report.error(rules::DUPLICATE_KEY, key.span, format!("the key `{text}` stands twice"));
        finding.related.extend(related);
        finding.with_hint("keep the one that is meant");
    }
    Ok(())
}

/// How much an alias repeats.
struct Size {
    nodes: usize,
    bytes: usize,
    depth: usize,
}

/// Measures a node with all below it; bounded, since the tree itself is.
fn measure(node: &Node) -> Size {
    let of_all = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes.map(measure).fold(Size { nodes: 1, bytes: 0, depth: 1 }, |sum, size| Size {
            nodes: sum.nodes + size.nodes,
            bytes: sum.bytes + size.bytes,
            depth: sum.depth.max(size.depth + 1),
        })
    };
    match &node.value {
        Value::Scalar { text, .. } => Size { nodes: 1, bytes: text.len(), depth: 0 },
        Value::Sequence(items) => of_all(&mut items.iter()),
        Value::Mapping(entries) => of_all(&mut entries.iter().flat_map(|(key, value)| [key, value])),
    }
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

/// Files are at most 16 MiB, so offsets fit.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
