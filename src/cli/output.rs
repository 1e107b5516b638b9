//! Standard output is data, standard error is talk. Colour goes only where a terminal is.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::telemetry::LogFormat;

/// The two streams of the program.
pub(super) struct Output {
    data: String,
    talk: String,
    /// Whether what is told is an object a line.
    is_json: bool,
}

impl Output {
    pub fn new(format: LogFormat) -> Output {
        Output { data: String::new(), talk: String::new(), is_json: format == LogFormat::Json }
    }

    /// Data, with a newline at its end.
    pub fn data(&mut self, text: &str) {
        self.data.push_str(text.trim_end_matches('\n'));
        self.data.push('\n');
    }

    /// Writes the data out that there is so far, where it may be more than fits into memory.
    pub fn pass_on(&mut self) -> io::Result<()> {
        let data = std::mem::take(&mut self.data);
        write(&mut anstream::stdout().lock(), &data)
    }

    /// Something to tell.
    pub fn talk(&mut self, text: &str) {
        let object = || json!({ "format": "orchestrate.message/v1", "message": plain(text) });
        self.talk_as(text, object);
    }

    /// Something to tell, with what machines are told instead.
    pub fn talk_as(&mut self, text: &str, object: impl FnOnce() -> Value) {
        if self.is_json {
            self.talk.push_str(&format!("{}\n", object()));
            return;
        }
        self.talk.push_str(text.trim_end_matches('\n'));
        self.talk.push('\n');
    }

    /// Writes everything out; an error is that of standard output.
    pub fn finish(self) -> io::Result<()> {
        let written = write(&mut anstream::stdout().lock(), &self.data);
        self.tell_only();
        written
    }

    /// Writes what is to be told. Where that fails there is nobody to tell it to.
    pub fn tell_only(self) {
        if write(&mut anstream::stderr().lock(), &self.talk).is_err() {
            tracing::debug!("standard error cannot be written to");
        }
    }
}

/// A text without its colours.
pub(super) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

/// Writes a text whole; a reader that went away has had what it wanted.
pub(super) fn write(stream: &mut impl Write, text: &str) -> io::Result<()> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Colours, by what they say; they are taken out again where no terminal is.
pub(super) mod style {
    use anstyle::{AnsiColor, Style};

    fn paint(style: Style, text: &str) -> String {
        format!("{style}{text}{style:#}")
    }

    pub fn error(text: &str) -> String {
        paint(AnsiColor::Red.on_default().bold(), text)
    }

    pub fn warning(text: &str) -> String {
        paint(AnsiColor::Yellow.on_default().bold(), text)
    }

    pub fn hint(text: &str) -> String {
        paint(AnsiColor::Cyan.on_default().bold(), text)
    }

    pub fn title(text: &str) -> String {
        paint(Style::new().bold(), text)
    }

    pub fn faint(text: &str) -> String {
        paint(Style::new().dimmed(), text)
    }
}
