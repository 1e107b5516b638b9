//! How an operation in doubt is judged: which question comes next, and what the answers amount to.

use super::{Evidence, Proof, Verdict};

/// What was found out so far, in the order in which it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Whether the mark is there.
    pub mark: Option<bool>,
    /// Whether the statement runs.
    pub running: Option<bool>,
    /// Whether the mark is there, asked when the statement was known not to run: it may have ended in between.
    pub mark_after: Option<bool>,
    /// What `done_when` answered.
    pub done_when: Option<Verdict>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Look for the mark.
    AskMark,
    /// Look for the statement among the running ones.
    AskRunning,
    /// Ask `done_when`.
    AskDoneWhen,
    /// It was done.
    Done(Proof),
    /// It was not done: it may be attempted again.
    NotDone(Proof),
    /// It still runs.
    Running,
    /// Nobody but a person can tell: why.
    Unknown(String),
}

/// The next question, or the judgement: the mark, the running statement, `done_when`, `repeatable`, in this order.
pub fn judge(evidence: Evidence, asked: &Asked) -> Judgement {
    if evidence.mark {
        match asked.mark {
            None => return Judgement::AskMark,
            Some(true) => return Judgement::Done(Proof::Mark),
            Some(false) => {}
        }
    }
    if evidence.lookup {
        match asked.running {
            None => return Judgement::AskRunning,
            Some(true) => return Judgement::Running,
            Some(false) => {}
        }
    }
    if evidence.mark {
        match (evidence.lookup, asked.mark_after) {
            (true, None) => return Judgement::AskMark,
            (true, Some(true)) => return Judgement::Done(Proof::Mark),
            // One transaction holds the work and the mark: without the one there is not the other.
            (true, Some(false)) | (false, _) => return Judgement::NotDone(Proof::Mark),
        }
    }
    if evidence.done_when {
        match &asked.done_when {
            None => return Judgement::AskDoneWhen,
            Some(verdict) => match verdict {
                Verdict::Yes => return Judgement::Done(Proof::DoneWhen),
                Verdict::No(_) => return Judgement::NotDone(Proof::DoneWhen),
                Verdict::Unknown(why) if !evidence.repeatable => {
                    return Judgement::Unknown(format!("`done_when` does not tell: {why}"));
                }
                Verdict::Unknown(_) => {}
            },
        }
    }
    if evidence.repeatable {
        return Judgement::NotDone(Proof::Repeatable);
    }
    Judgement::Unknown("it has no `done_when`, is not `repeatable`, and its target keeps no mark of it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Expectation;
    use crate::run::{Answer, compare};

    const NONE: Evidence = Evidence { mark: false, lookup: false, done_when: false, repeatable: false };

    /// Asks until there is a judgement, from a world where these things are so.
    fn judged(evidence: Evidence, mark: bool, running: bool, done_when: &Answer) -> (Judgement, usize) {
        let mut asked = Asked::default();
        for questions in 0..6 {
            match judge(evidence, &asked) {
                Judgement::AskMark if asked.mark.is_none() => asked.mark = Some(mark),
                Judgement::AskMark => asked.mark_after = Some(mark),
                Judgement::AskRunning => asked.running = Some(running),
                Judgement::AskDoneWhen => asked.done_when = Some(compare(&Expectation::True, done_when)),
                judgement @ (Judgement::Done(_)
                | Judgement::NotDone(_)
                | Judgement::Running
                | Judgement::Unknown(_)) => {
                    return (judgement, questions);
                }
            }
        }
        panic!("it asks without end");
    }

    #[test]
    fn a_mark_decides_alone_and_is_asked_again_when_the_statement_is_gone() {
        let evidence = Evidence { mark: true, lookup: true, done_when: true, repeatable: true };
        assert_eq!(judged(evidence, true, false, &Answer::Nothing), (Judgement::Done(Proof::Mark), 1));
        assert_eq!(judged(evidence, false, true, &Answer::Nothing), (Judgement::Running, 2));
        assert_eq!(judged(evidence, false, false, &Answer::Nothing), (Judgement::NotDone(Proof::Mark), 3));
        let ended_in_between =
            Asked { mark: Some(false), running: Some(false), mark_after: Some(true), done_when: None };
        assert_eq!(judge(evidence, &ended_in_between), Judgement::Done(Proof::Mark));
    }

    #[test]
    fn without_a_mark_the_question_decides_then_repeatable_then_a_person() {
        let yes = Answer::Value("1".into());
        let no = Answer::Value("0".into());
        let gone = Answer::Error("gone".into());
        let asks = Evidence { lookup: true, done_when: true, ..NONE };
        assert_eq!(judged(asks, false, false, &yes).0, Judgement::Done(Proof::DoneWhen));
        assert_eq!(judged(asks, false, false, &no).0, Judgement::NotDone(Proof::DoneWhen));
        assert!(matches!(judged(asks, false, false, &gone).0, Judgement::Unknown(_)));
        let repeats = Evidence { repeatable: true, ..asks };
        assert_eq!(judged(repeats, false, false, &gone).0, Judgement::NotDone(Proof::Repeatable));
        assert!(matches!(judged(NONE, false, false, &yes).0, Judgement::Unknown(_)));
    }
}
