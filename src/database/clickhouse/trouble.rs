//! Errors of ClickHouse: their code out of the text, what it says about the statement, and the message without its frame.

use clickhouse::error::Error;

use super::super::error::{Failure, Trouble};

/// Another statement, or none, was in the way: it never began.
const NEVER_BEGAN: [u32; 2] = [202, 203];
/// The server could not at this time; where rows were being inserted, some may stay.
const NOT_NOW: [u32; 14] = [209, 210, 225, 236, 241, 242, 252, 279, 285, 286, 425, 473, 517, 999];
/// Refused before anything was done: syntax, unknown or existing names, arguments, types, rights.
const NEVER_ALLOWED: [u32; 28] = [
    10, 15, 16, 20, 36, 42, 43, 44, 46, 47, 48, 51, 57, 60, 62, 63, 80, 81, 82, 115, 122, 161, 164, 192, 344, 497, 516,
    524,
];
const UNKNOWN_STATUS_OF_INSERT: u32 = 319;
const TIMEOUT_EXCEEDED: u32 = 159;
const QUERY_WAS_CANCELLED: u32 = 394;
const QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: u32 = 216;
const READONLY: &str = "164";
const MESSAGE_CHARS_MAX: usize = 2000;

/// What an error of the driver says about a statement.
pub(super) fn trouble(error: &Error, inserts: bool) -> Failure {
    if let Error::BadResponse(text) = &error {
        refused(text, inserts)
    } else if let Error::Network(cause) = &error {
        let http = cause.downcast_ref::<hyper_util::client::legacy::Error>();
        let never_sent = http.is_some_and(hyper_util::client::legacy::Error::is_connect);
        let reason = cause.source().map_or_else(|| cause.to_string(), |source| innermost(source).to_string());
        if never_sent {
            Failure::new(Trouble::Transient, format!("no connection: {reason}"))
        } else {
            Failure::new(Trouble::Lost, format!("the connection broke: {reason}"))
        }
    } else if let Error::InvalidParams(cause) = &error {
        Failure::new(Trouble::Refused, format!("cannot be sent: {cause}"))
    } else {
        Failure::new(Trouble::Lost, format!("the answer cannot be read: {error}"))
    }
}

fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

fn refused(text: &str, inserts: bool) -> Failure {
    let Some(code) = code(text) else {
        // A proxy answered, not ClickHouse: nobody knows what it passed on.
        return Failure::new(Trouble::Lost, shortened(text));
    };
    let message = shortened(without_frame(text));
    let trouble = match code {
        // The hosts go on with a distributed DDL after the one that was asked gives up waiting.
        TIMEOUT_EXCEEDED if text.contains("distributed_ddl_task_timeout") => Trouble::Lost,
        TIMEOUT_EXCEEDED => Trouble::Timeout,
        QUERY_WAS_CANCELLED => Trouble::Ended,
        QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING => Trouble::Running,
        UNKNOWN_STATUS_OF_INSERT => Trouble::Lost,
        _ if NEVER_BEGAN.contains(&code) => Trouble::Transient,
        _ if NOT_NOW.contains(&code) && !inserts => Trouble::Transient,
        _ if NEVER_ALLOWED.contains(&code) => Trouble::Refused,
        _ => Trouble::Partial,
    };
    Failure { trouble, code: Some(code.to_string()), message }
}

/// Whether the user may change no settings, so that the question was refused before it was looked at.
pub(super) fn is_setting_refused(failure: &Failure) -> bool {
    let message = &failure.message;
    failure.code.as_deref() == Some(READONLY)
        && message.contains("setting")
        && (message.contains("Cannot modify") || message.contains("Cannot override"))
}

/// The number in `Code: 60. DB::Exception: …` of today and `Code: 60, e.displayText() = …` of 18.16.
fn code(text: &str) -> Option<u32> {
    let rest = text.split_once("Code: ")?.1;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn without_frame(text: &str) -> &str {
    let text = text.split_once("Exception: ").map_or(text, |(_, rest)| rest);
    let text = text.split_once(", e.what() = ").map_or(text, |(before, _)| before);
    text.rsplit_once(" (version ").map_or(text, |(before, _)| before).trim()
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Trouble, Option<String>, String) {
        let failure = trouble(&Error::BadResponse(text.to_owned()), false);
        (failure.trouble, failure.code, failure.message)
    }

    #[test]
    fn the_frame_of_every_version_goes() {
        let expected = |message: &str| (Trouble::Refused, Some("60".to_owned()), message.to_owned());
        assert_eq!(
            of(
                "Code: 60. DB::Exception: Table a.b does not exist. (UNKNOWN_TABLE) (version 26.9.2.1 (official build))"
            ),
            expected("Table a.b does not exist. (UNKNOWN_TABLE)")
        );
        assert_eq!(
            of("Code: 60, e.displayText() = DB::Exception: Table a.b doesn't exist., e.what() = DB::Exception"),
            expected("Table a.b doesn't exist.")
        );
        assert_eq!(of("502 Bad Gateway"), (Trouble::Lost, None, "502 Bad Gateway".to_owned()));
    }

    #[test]
    fn codes_say_what_is_known() {
        let trouble_of = |code: u32, inserts| {
            trouble(&Error::BadResponse(format!("Code: {code}. DB::Exception: x")), inserts).trouble
        };
        assert_eq!(trouble_of(202, true), Trouble::Transient);
        assert_eq!((trouble_of(252, false), trouble_of(252, true)), (Trouble::Transient, Trouble::Partial));
        assert_eq!((trouble_of(999, false), trouble_of(319, true)), (Trouble::Transient, Trouble::Lost));
        assert_eq!(
            [159, 394, 216, 62].map(|code| trouble_of(code, true)),
            [Trouble::Timeout, Trouble::Ended, Trouble::Running, Trouble::Refused]
        );
        let waiting =
            "Code: 159. DB::Exception: Watching task /x is executing longer than distributed_ddl_task_timeout (=180)";
        assert_eq!(of(waiting).0, Trouble::Lost);
    }

    #[test]
    fn a_refused_setting_is_not_a_refused_statement() {
        let is_setting = |text: &str| is_setting_refused(&refused(text, false));
        assert!(is_setting(
            "Code: 164, e.displayText() = DB::Exception: Cannot override setting (max_execution_time) in readonly mode"
        ));
        assert!(is_setting("Code: 164. DB::Exception: Cannot modify 'readonly' setting in readonly mode. (READONLY)"));
        assert!(!is_setting("Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)"));
        assert!(!is_setting("Code: 164. DB::Exception: Cannot insert into table setting in readonly mode. (READONLY)"));
    }
}
