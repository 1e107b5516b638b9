//! `orchestrate settings`: what holds for runs, where it comes from, and who changed it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::execute::control::person;
use crate::execute::{now, written};
use crate::run::{SETTINGS, Settings, SettingsError, Timestamp};
use crate::store::{SettingChange, Store};

use super::args::{Global, RunFormat, SettingsArguments, SettingsVerb};
use super::desk::{Loaded, block_on, unstored};
use super::failure::{Exit, Failure};
use super::figures;
use super::output::Output;

/// A setting as JSON has it.
#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    value: String,
    source: &'static str,
    default: &'static str,
    about: &'static str,
}

pub(super) fn run(global: &Global, arguments: &SettingsArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    block_on(async {
        let store = loaded.store(global).await?;
        let environment = loaded.environment.as_str();
        let verb = arguments.verb.clone().unwrap_or(SettingsVerb::List);
        match verb {
            SettingsVerb::List => list(&loaded, &store, arguments.format, output).await?,
            SettingsVerb::Set { name, value, reason } => {
                Settings::default().with(&name, &value).map_err(|error| refused(&error))?;
                change(&store, environment, &name, Some(&value), reason.as_deref()).await?;
                list(&loaded, &store, arguments.format, output).await?;
            }
            SettingsVerb::Unset { name, reason } => {
                known(&name)?;
                change(&store, environment, &name, None, reason.as_deref()).await?;
                list(&loaded, &store, arguments.format, output).await?;
            }
            SettingsVerb::Log => {
                let changes = store.setting_changes(environment).await.map_err(|error| unstored(&error))?;
                log(&changes, arguments.format, global.quiet, output);
            }
        }
        Ok(Exit::Done)
    })
}

fn refused(error: &SettingsError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error {
        SettingsError::Unknown { hint, .. } => failure.hint(hint.clone()),
        SettingsError::Invalid { .. } => failure.hint("`orchestrate settings` shows each with its default"),
    }
}

/// Refuses a name that no setting has.
fn known(name: &str) -> Result<(), Failure> {
    let default = SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default);
    Settings::default().with(name, default).map(|_| ()).map_err(|error| refused(&error))
}

async fn change(
    store: &Store,
    environment: &str,
    name: &str,
    value: Option<&str>,
    reason: Option<&str>,
) -> Result<(), Failure> {
    let changed = store.set_setting(environment, name, value, &person(), reason, now().0).await;
    changed.map_err(|error| unstored(&error))
}

async fn list(loaded: &Loaded, store: &Store, format: RunFormat, output: &mut Output) -> Result<(), Failure> {
    let kept = store.settings(&loaded.environment).await.map_err(|error| unstored(&error))?;
    let entries = entries(loaded, &kept);
    match format {
        RunFormat::Json => {
            let environment = &loaded.environment;
            let document = serde_json::json!({
                "format": "orchestrate.settings/v1", "environment": environment, "settings": entries,
            });
            output.data(&document.to_string());
        }
        RunFormat::Text => {
            let width = entries.iter().map(|entry| entry.value.len()).max().unwrap_or(0);
            let sources = entries.iter().map(|entry| entry.source.len()).max().unwrap_or(0);
            let line = |entry: &Entry| {
                let (name, value, source) = (entry.name, &entry.value, entry.source);
                format!("{name:<20}  {value:<width$}  {source:<sources$}  {}", entry.about)
            };
            output.data(&entries.iter().map(line).collect::<Vec<_>>().join("\n"));
        }
    }
    Ok(())
}

/// Each setting: what the store keeps, else what the project file says, else the default.
fn entries(loaded: &Loaded, kept: &BTreeMap<String, String>) -> Vec<Entry> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let entry = |setting: &crate::run::Setting| {
        let declared = loaded.declared().settings.get(setting.name).map(text);
        let (value, source) = match (kept.get(setting.name), declared) {
            (Some(value), _) => (value.clone(), "store"),
            (None, Some(value)) => (value, "orchestrate.yaml"),
            (None, None) => (setting.default.to_owned(), "default"),
        };
        Entry { name: setting.name, value, source, default: setting.default, about: setting.about }
    };
    SETTINGS.iter().map(entry).collect()
}

fn log(changes: &[SettingChange], format: RunFormat, quiet: bool, output: &mut Output) {
    match format {
        RunFormat::Json => {
            let change = |change: &SettingChange| {
                serde_json::json!({
                    "at": written(Timestamp(change.at_ms)), "by": change.by, "name": change.name,
                    "before": change.before, "after": change.after, "reason": change.reason,
                })
            };
            let changes: Vec<_> = changes.iter().map(change).collect();
            let document = serde_json::json!({ "format": "orchestrate.settings-log/v1", "changes": changes });
            output.data(&document.to_string());
        }
        RunFormat::Text if changes.is_empty() && quiet => {}
        RunFormat::Text if changes.is_empty() => output.talk("nobody has changed a setting"),
        RunFormat::Text => {
            let line = |change: &SettingChange| {
                let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
                let reason = change.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                let (at, name) = (figures::moment(Timestamp(change.at_ms)), &change.name);
                let (before, after) = (value(&change.before), value(&change.after));
                format!("{at}  {}: {name} from {before} to {after}{reason}", change.by)
            };
            output.data(&changes.iter().map(line).collect::<Vec<_>>().join("\n"));
        }
    }
}
