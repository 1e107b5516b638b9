//! A person's word at the terminal: whether something that only a person can do is done, and what tells it.

use crate::execute::Signals;
use crate::run::Resolution;

use super::failure::Failure;
use super::output::style;
use super::terminal;

/// What a person is asked.
pub(super) struct Question {
    pub operation: String,
    pub text: String,
}

/// The word of whoever sits there, with what tells it; nothing where they go away.
pub(super) async fn answer(signals: &Signals, question: &Question) -> Result<Option<(Resolution, String)>, Failure> {
    let Question { operation, text } = question;
    let mut asked =
        format!("\n{}\n{}\n\ndone or not-done, and what tells it: ", style::title(operation), text.trim_end());
    loop {
        let Some(line) = terminal::ask(signals, &asked).await? else { return Ok(None) };
        let (word, reason) = line.split_once(char::is_whitespace).unwrap_or((line.as_str(), ""));
        let resolution = match word.trim_end_matches([',', ':', '.']) {
            "done" => Some(Resolution::Done),
            "not-done" => Some(Resolution::NotDone),
            _ => None,
        };
        match resolution {
            Some(resolution) if !reason.trim().is_empty() => return Ok(Some((resolution, reason.trim().to_owned()))),
            Some(_) => asked = format!("what tells it? Type it behind the word, such as `{word} the build is green`: "),
            None => asked = "done or not-done, and what tells it: ".to_owned(),
        }
    }
}
