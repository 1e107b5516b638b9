//! What can be done now with a migration, as commands to type.

use crate::execute::control::document;
use crate::run::{ProcedureKind, Request, Resolution, Script, State, Status};

/// Makes commands for a product and an environment that have to be named, or have not.
#[derive(Clone, Debug, Default)]
pub(super) struct Commands {
    /// What stands at the end of each command.
    pub options: String,
}

impl Commands {
    /// A verb with what follows it.
    pub fn command(&self, rest: &str) -> String {
        format!("orchestrate {rest}{}", self.options)
    }

    /// What begins it.
    pub fn begin(&self, name: &str) -> String {
        let to = |release: &str| release.split('@').next().unwrap_or_default().to_owned();
        self.command(&match name.split_once('/') {
            Some(("runbook", runbook)) => format!("runbook run {runbook}"),
            Some(("deploy", release)) => format!("apply --to {}", to(release)),
            Some(_) | None => format!("start {name}"),
        })
    }

    /// The commands that fit to where a run stands. One that should work and that nobody owns can be gone on with.
    pub fn next(&self, name: &str, state: &State, is_owned: bool) -> Vec<String> {
        let mut commands = Vec::new();
        let mut add = |fits: bool, rest: String| {
            if fits {
                commands.push(self.command(&rest));
            }
        };
        let fits = |request: Request| state.accepts(&request);
        let is_left = state.status.is_active() && !is_owned;
        add(fits(Request::Resume) || is_left, format!("resume {name}"));
        let is_asked = state.question.is_some();
        // Where a person is asked something, the answer comes first.
        add(fits(Request::Retry) && !is_asked, format!("retry {name}"));
        let operation = state.question.as_ref().map(|(unit, _)| unit.operation.clone());
        let operation = operation.or_else(|| state.failed_unit().map(|unit| unit.operation));
        if let Some(operation) = operation {
            let request = Request::Resolve { operation: operation.clone(), resolution: Resolution::Done };
            let is_open = fits(request);
            add(is_open, format!("resolve {name} {operation} done --reason TEXT"));
            add(is_open, format!("resolve {name} {operation} not-done --reason TEXT"));
            add(is_open, format!("skip {name} {operation} --reason TEXT"));
        }
        add(fits(Request::Retry) && is_asked, format!("retry {name}"));
        add(fits(Request::Pause), format!("pause {name}"));
        add(state.status.is_active() && moves(state), format!("tune {name} NAME=VALUE"));
        add(fits(Request::Stop { rollback: false }), format!("stop {name}"));
        add(fits(Request::Rollback) && !has_no_way_back(state), format!("rollback {name}"));
        if state.is_over() && !state.status.is_complete() {
            commands.push(self.begin(name));
        }
        commands
    }
}

/// Whether a large table is moved now.
fn moves(state: &State) -> bool {
    let phases = state.operations.values().map(|operation| operation.phase(state.direction));
    let is_slice = |part: &crate::run::PartState| part.part.slice.is_some();
    phases.filter(|phase| !phase.is_over()).any(|phase| phase.parts().iter().any(is_slice))
}

/// Whether something was begun that cannot be taken back.
pub(super) fn has_no_way_back(state: &State) -> bool {
    let is_deployed = state.given.document.kind == ProcedureKind::Deploy && state.status == Status::Completed;
    is_deployed
        || document(state).is_ok_and(|migration| state.point_of_no_return(&Script::of(&migration, |_| None)).is_some())
}
