//! Standard output is data, standard error is talk. Colour goes only where a terminal is.

use std::io::{self, Write};

/// The two streams of the program.
pub(super) struct Output {
    data: String,
    talk: String,
}

impl Output {
    pub fn new() -> Output {
        Output { data: String::new(), talk: String::new() }
    }

    /// Data, with a newline at its end.
    pub fn data(&mut self, text: &str) {
        self.data.push_str(text.trim_end_matches('\n'));
        self.data.push('\n');
    }

    /// Something to tell.
    pub fn talk(&mut self, text: &str) {
        self.talk.push_str(text.trim_end_matches('\n'));
        self.talk.push('\n');
    }

    /// Writes everything out.
    pub fn finish(self) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        out.write_all(self.data.as_bytes())?;
        out.flush()?;
        let mut err = anstream::stderr().lock();
        err.write_all(self.talk.as_bytes())?;
        err.flush()
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
