//! Commands and calls: what acts on or asks neither a database nor a person.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::http::{self, Call, HttpError};
use crate::model::Template;
use crate::process::{self, Command, ProcessError};
use crate::run::{Fault, FaultKind};
use crate::template::Context;

use super::site::Site;

/// How much of what a program said is kept in the journal.
const DETAIL_CHARACTERS: usize = 400;

/// A command as an operation or a probe has it, rendered.
pub(super) struct Rendered {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: Option<PathBuf>,
}

impl Rendered {
    pub(super) fn new(
        site: &Site,
        argv: &[Template],
        env: &BTreeMap<String, Template>,
        cwd: Option<&Template>,
        context: &Context,
    ) -> Result<Rendered, String> {
        let argv = argv.iter().map(|argument| site.text(argument, context)).collect::<Result<_, _>>()?;
        let env = env.iter().map(|(name, value)| Ok((name.clone(), site.text(value, context)?)));
        let cwd = cwd.map(|cwd| site.text(cwd, context)).transpose()?.map(PathBuf::from);
        Ok(Rendered { argv, env: env.collect::<Result<_, String>>()?, cwd })
    }

    fn command<'a>(&'a self, timeout: Duration, cancel: &'a CancellationToken) -> Command<'a> {
        Command { argv: &self.argv, env: &self.env, cwd: self.cwd.as_deref(), timeout, cancel }
    }
}
