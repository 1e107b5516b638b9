//! An installation with its databases: what a run acts on.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::http::{Caller, HttpError};
use crate::model::{
    Engine, Expectation, Probe, Question, Secret, ServiceSource, ServiceVersion, StepNames, Template, Version,
};
use crate::run::{Answer, Failure, Verdict, compare};
use crate::template::{Context, RenderError, RunNames, TargetNames, render_sql, render_text};

use super::outside::{self, Http};
use super::scrub::Scrub;

/// How long a probe may take that says nothing itself.
pub(super) const PROBE_TIMEOUT: Duration = Duration::from_secs(30);

/// An installation, ready to be asked and acted on.
#[derive(Debug)]
pub struct Site {
    /// Its name.
    pub environment: String,
    /// Its databases.
    pub targets: BTreeMap<String, SiteTarget>,
    /// Its variables.
    pub vars: BTreeMap<String, Secret>,
    /// Where the versions of its services are known from.
    pub services: BTreeMap<String, ServiceSource>,
    /// Which app version runs, where its platform can tell.
    pub version: Option<Probe>,
    /// What hides secrets in what others say.
    pub scrub: Scrub,
    /// What calls URLs, once something does.
    pub caller: OnceLock<Caller>,
}

/// A database of an installation.
#[derive(Clone, Debug)]
pub struct SiteTarget {
    /// The database.
    pub database: Database,
    /// What templates know of it.
    pub names: TargetNames,
}

/// What the texts of one run may use.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The values of the parameters.
    pub parameters: BTreeMap<String, Value>,
    /// The step that is deployed.
    pub step: Option<StepNames>,
    /// The run, once there is one.
    pub run: Option<RunNames>,
}

impl Site {
    /// What calls URLs.
    pub(super) fn caller(&self) -> Result<&Caller, HttpError> {
        match self.caller.get() {
            Some(caller) => Ok(caller),
            None => Caller::new().map(|caller| self.caller.get_or_init(|| caller)),
        }
    }

    /// The engine of a target.
    pub fn engine(&self, target: &str) -> Option<Engine> {
        self.targets.get(target).map(|target| target.database.engine())
    }

    /// A target by name, or what is wrong.
    pub fn target(&self, name: &str) -> Result<&SiteTarget, String> {
        self.targets.get(name).ok_or_else(|| format!("the environment `{}` has no target `{name}`", self.environment))
    }

    /// What a text may use.
    pub fn context(&self, texts: &Texts, target: Option<&str>, item: Option<&BTreeMap<String, Value>>) -> Context {
        Context {
            params: texts.parameters.clone(),
            vars: self.vars.clone(),
            target: target.and_then(|name| self.targets.get(name)).map(|target| target.names.clone()),
            step: texts.step.clone(),
            run: texts.run.clone(),
            outputs: BTreeMap::new(),
            item: item.map(|item| Value::Object(item.clone().into_iter().collect())),
            value: None,
        }
    }

    /// A statement for a target.
    pub fn sql(&self, template: &Template, target: &str, context: &Context) -> Result<String, String> {
        let engine = self.target(target)?.database.engine();
        render_sql(&template.text, engine, context).map_err(|error| self.unrendered(template, &error))
    }

    /// A text for people or programs.
    pub fn text(&self, template: &Template, context: &Context) -> Result<String, String> {
        render_text(&template.text, context).map_err(|error| self.unrendered(template, &error))
    }

    fn unrendered(&self, template: &Template, error: &RenderError) -> String {
        self.scrub.clean(&format!("{}: {error}", template.place))
    }

    /// Asks a probe; the answer is yes, no or unknown.
    pub async fn ask(&self, probe: &Probe, texts: &Texts) -> Verdict {
        let context = self.context(texts, probe.target(), None);
        let expect = match self.expectation(&probe.expect, &context) {
            Ok(expect) => expect,
            Err(error) => return Verdict::Unknown(error),
        };
        compare(&expect, &self.answer(probe, &context).await)
    }

    /// The expectation with its operand rendered.
    pub fn expectation(&self, expect: &Expectation, context: &Context) -> Result<Expectation, String> {
        match expect {
            Expectation::Compare(comparator, operand) => {
                let rendered = render_text(operand, context).map_err(|error| self.scrub.clean(&error.to_string()))?;
                Ok(Expectation::Compare(*comparator, rendered))
            }
            Expectation::True | Expectation::False | Expectation::Any => Ok(expect.clone()),
        }
    }

    /// What a probe answers, whatever is expected.
    pub async fn answer(&self, probe: &Probe, context: &Context) -> Answer {
        self.answer_within(probe, context, PROBE_TIMEOUT, &CancellationToken::new()).await
    }

    /// The same, within a time where it says none itself, until it is given up.
    pub(super) async fn answer_within(
        &self,
        probe: &Probe,
        context: &Context,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Answer {
        let timeout = probe.timeout.unwrap_or(timeout);
        let answered = match &probe.question {
            Question::Sql { target, sql } => self.answer_sql(target, sql, context, timeout).await,
            Question::Command { argv } => outside::ask_command(self, argv, context, timeout, cancel).await,
            Question::Http { method, url, headers, expect_status } => {
                let http = Http { method, url, headers, body: None, expect_status: *expect_status };
                outside::ask_http(self, &http, context, timeout).await
            }
            Question::File { path } => outside::ask_file(self, path, context, timeout).await,
            Question::Value { text } => {
                self.text(text, context).map(|text| Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
            }
        };
        let answered = match (answered, &probe.answer) {
            (Ok(Some(value)), Some(answer)) => {
                let context = Context { value: Some(Value::String(value)), ..context.clone() };
                self.text(answer, &context).map(|text| Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
            }
            (answered, _) => answered,
        };
        match answered {
            Ok(Some(value)) => Answer::Value(value),
            Ok(None) => Answer::Nothing,
            Err(error) => Answer::Error(self.scrub.clean(&error)),
        }
    }

    async fn answer_sql(
        &self,
        target: &str,
        sql: &Template,
        context: &Context,
        timeout: Duration,
    ) -> Result<Option<String>, String> {
        let sql = self.sql(sql, target, context)?;
        self.target(target)?.database.ask(&sql, timeout).await.map_err(|error| error.to_string())
    }

    /// Asks probes of one key, and tells those that did not say yes.
    pub async fn failures(&self, check: &str, probes: &[Probe], texts: &Texts) -> Vec<Failure> {
        let mut failures = Vec::new();
        for probe in probes {
            let (message, is_unknown) = match self.ask(probe, texts).await {
                Verdict::Yes => continue,
                Verdict::No(value) => (self.refusal(probe, &value, texts), false),
                Verdict::Unknown(why) => (format!("{check} ({}) cannot be told: {why}", probe.place), true),
            };
            failures.push(Failure { check: check.to_owned(), message, is_unknown, hint: None });
        }
        failures
    }

    /// What a probe says to a value that was not expected.
    fn refusal(&self, probe: &Probe, value: &str, texts: &Texts) -> String {
        let mut context = self.context(texts, probe.target(), None);
        context.value = Some(Value::String(value.to_owned()));
        let told = probe.message.as_ref().map(|message| self.text(message, &context));
        match told {
            Some(Ok(message)) => self.scrub.clean(&message),
            Some(Err(_)) | None => {
                self.scrub.clean(&format!("the answer is {value}, expected {} ({})", probe.expect, probe.place))
            }
        }
    }
}

impl Site {
    /// The app version that runs: as somebody said, else as the platform tells.
    pub async fn running(&self, said: Option<&str>, texts: &Texts) -> Result<Version, String> {
        let told = match (said, &self.version) {
            (Some(said), _) => said.to_owned(),
            (None, Some(probe)) => match self.answer(probe, &self.context(texts, probe.target(), None)).await {
                Answer::Value(value) => value,
                Answer::Nothing => return Err("its platform tells no version".to_owned()),
                Answer::Error(error) => return Err(error),
            },
            (None, None) => return Err("nothing tells it".to_owned()),
        };
        Version::parse(told.trim()).map_err(|_| format!("`{}` is no version of the app", self.scrub.clean(told.trim())))
    }

    /// The version of a service: written down, asked for, or that of the target of this name.
    pub async fn service(&self, name: &str, texts: &Texts) -> Result<ServiceVersion, String> {
        let told = match (self.services.get(name), self.targets.get(name)) {
            (Some(ServiceSource::Version(version)), _) => return Ok(version.clone()),
            (Some(ServiceSource::Probe(probe)), _) => {
                match self.answer(probe, &self.context(texts, probe.target(), None)).await {
                    Answer::Value(value) => value,
                    Answer::Nothing => return Err("its probe has no answer".to_owned()),
                    Answer::Error(error) => return Err(error),
                }
            }
            (None, Some(target)) => {
                target.database.version().await.map_err(|error| self.scrub.clean(&error.to_string()))?
            }
            (None, None) => return Err("nothing tells it".to_owned()),
        };
        ServiceVersion::parse(told.trim()).map_err(|_| format!("`{}` is no version", told.trim()))
    }
}
