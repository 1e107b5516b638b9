//! An environment filled in: where `${NAME}` stood stands what the process's environment has.
//!
//! Only what a command needs is filled in: who asks for the status sets no URL of a database that it never opens.
//! It opens nothing; that is for the store and the databases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use thiserror::Error;

use crate::model::{
    Engine, Environment, Place, PlaceholderError, Project, Secret, ServiceSource, Target, TextPart, did_you_mean,
    text_parts,
};

/// The store of an environment that names none.
const STORE_DEFAULT: &str = "sqlite://.orchestrate/state.db";

/// An environment with nothing left to fill in. Whatever may hold a password hides itself.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The environment's name.
    pub name: String,
    /// The URL of the store.
    pub store: Secret,
    /// The databases that were asked for.
    pub targets: BTreeMap<String, FilledTarget>,
    /// Values for templates.
    pub vars: BTreeMap<String, Secret>,
    /// Services it runs on.
    pub services: BTreeMap<String, ServiceSource>,
    /// Settings of the runs.
    pub settings: BTreeMap<String, Value>,
    /// How releases are deployed.
    pub platform: Option<String>,
}

/// A database that operations act on.
#[derive(Clone, Debug)]
pub struct FilledTarget {
    /// What it speaks.
    pub engine: Engine,
    /// Its URL.
    pub url: Secret,
    /// The database to use.
    pub database: Option<String>,
    /// The ClickHouse cluster.
    pub cluster: Option<String>,
}

/// What a command is going to use.
#[derive(Clone, Copy, Debug)]
pub enum Need<'a> {
    /// The store alone.
    Store,
    /// The store, the variables and these targets; those that are not declared are left out.
    Targets(&'a BTreeSet<String>),
    /// All that is declared.
    Everything,
}

/// A text of an environment that cannot be filled in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{place}: `{key}` of the environment `{environment}`: {reason}")]
pub struct FillError {
    /// The environment.
    pub environment: String,
    /// The key, with dots between its parts.
    pub key: String,
    /// Where it is declared.
    pub place: Place,
    /// Why.
    pub reason: FillReason,
}

/// Why a text cannot be filled in; it holds no value of any variable.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FillReason {
    /// A variable is not set and has no default.
    #[error("the variable `{0}` is not set")]
    NotSet(String),
    /// The text cannot be read.
    #[error(transparent)]
    Unreadable(#[from] PlaceholderError),
    /// The URL's scheme is none that is spoken.
    #[error("the URL begins with none of http://, https://, postgres://, sqlite://")]
    UnknownScheme,
    /// The URL is not one of a store.
    #[error("a store's URL begins with sqlite:// or postgres://")]
    NoStore,
    /// The path of the project has no form in a URL.
    #[error("the project's path is not UTF-8; write the path of the database out, sqlite:///…")]
    PathNotUnicode,
}

/// An environment that cannot be picked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PickError {
    /// None is declared.
    #[error("the project declares no environment")]
    NoEnvironment,
    /// It is not clear which one is meant.
    #[error("the project has several environments: {}", .0.join(", "))]
    Several(Vec<String>),
    /// There is none of this name.
    #[error("there is no environment `{name}`")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

impl PickError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            PickError::NoEnvironment => {
                "declare it under `environments:` in orchestrate.yaml; `orchestrate schema project` tells its keys"
                    .to_owned()
            }
            PickError::Several(_) => "name one with --environment".to_owned(),
            PickError::Unknown { name, known } => {
                did_you_mean(name, known.iter().map(String::as_str), || format!("environments: {}", known.join(", ")))
            }
        }
    }
}

/// The environment that is meant: by name, or because there is only one.
pub fn pick<'a>(project: &'a Project, named: Option<&str>) -> Result<(&'a str, &'a Environment), PickError> {
    let known = || project.environments.keys().cloned().collect::<Vec<String>>();
    if project.environments.is_empty() {
        return Err(PickError::NoEnvironment);
    }
    let found = match named {
        Some(name) => project.environments.get_key_value(name),
        None if project.environments.len() == 1 => project.environments.first_key_value(),
        None => return Err(PickError::Several(known())),
    };
    let unknown = || PickError::Unknown { name: named.unwrap_or_default().to_owned(), known: known() };
    found.map(|(name, environment)| (name.as_str(), environment)).ok_or_else(unknown)
}

/// What the environment of this process has; a value that is not Unicode counts as none.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Fills an environment in, or tells all that is missing at once. Relative paths of SQLite begin at the project.
pub fn fill(
    project: &Path,
    name: &str,
    environment: &Environment,
    need: Need<'_>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Installation, Vec<FillError>> {
    let mut filling = Filling { project, name, lookup, errors: Vec::new() };
    let store = environment.store.as_deref().unwrap_or(STORE_DEFAULT);
    let store = filling.store(store, &environment.place);
    let (is_wanted, has_vars): (&dyn Fn(&str) -> bool, bool) = match need {
        Need::Store => (&|_| false, false),
        Need::Targets(names) => (&|name| names.contains(name), true),
        Need::Everything => (&|_| true, true),
    };
    let mut targets = BTreeMap::new();
    for (name, target) in environment.targets.iter().filter(|(name, _)| is_wanted(name)) {
        targets.extend(filling.target(name, target).map(|filled| (name.clone(), filled)));
    }
    let mut vars = BTreeMap::new();
    for (name, text) in environment.vars.iter().filter(|_| has_vars) {
        let value = filling.text(&format!("vars.{name}"), text, &environment.place);
        vars.extend(value.map(|value| (name.clone(), Secret::new(value))));
    }
    match (store, filling.errors) {
        (Some(store), errors) if errors.is_empty() => Ok(Installation {
            name: name.to_owned(),
            store,
            targets,
            vars,
            services: environment.services.clone(),
            settings: environment.settings.clone(),
            platform: environment.platform.clone(),
        }),
        (_, errors) => Err(errors),
    }
}

/// What is being filled in, and what went wrong so far.
struct Filling<'a> {
    project: &'a Path,
    name: &'a str,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    errors: Vec<FillError>,
}

impl Filling<'_> {
    fn fail<T>(&mut self, key: &str, place: &Place, reason: FillReason) -> Option<T> {
        let (environment, key) = (self.name.to_owned(), key.to_owned());
        self.errors.push(FillError { environment, key, place: place.clone(), reason });
        None
    }

    fn text(&mut self, key: &str, text: &str, place: &Place) -> Option<String> {
        let parts = match text_parts(text) {
            Ok(parts) => parts,
            Err(error) => return self.fail(key, place, error.into()),
        };
        let mut filled = Some(String::new());
        for part in parts {
            let value = match part {
                TextPart::Plain(text) => Some(text.to_owned()),
                TextPart::Variable { name, default: None } => match (self.lookup)(name) {
                    None => self.fail(key, place, FillReason::NotSet(name.to_owned())),
                    value => value,
                },
                TextPart::Variable { name, default: Some(default) } => {
                    (self.lookup)(name).filter(|value| !value.is_empty()).or_else(|| Some(default.to_owned()))
                }
            };
            filled = filled.zip(value).map(|(filled, value)| filled + &value);
        }
        filled
    }

    fn store(&mut self, text: &str, place: &Place) -> Option<Secret> {
        let url = self.text("store", text, place)?;
        match Engine::from_url(&url) {
            Some(Engine::Sqlite | Engine::Postgres) => self.url("store", &url, place),
            Some(Engine::ClickHouse) | None => self.fail("store", place, FillReason::NoStore),
        }
    }

    fn target(&mut self, name: &str, target: &Target) -> Option<FilledTarget> {
        let key = |part: &str| format!("targets.{name}.{part}");
        let place = &target.place;
        // Each of them is filled before the first one that is missing ends it, so that all are told.
        let url = self.text(&key("url"), &target.url, place);
        let mut optional = |part: &str, text: Option<&String>| match text {
            Some(text) => self.text(&key(part), text, place).map(Some),
            None => Some(None),
        };
        let database = optional("database", target.database.as_ref());
        let cluster = optional("cluster", target.cluster.as_ref());
        let url = url?;
        let Some(engine) = Engine::from_url(&url) else {
            return self.fail(&key("url"), place, FillReason::UnknownScheme);
        };
        let url = self.url(&key("url"), &url, place)?;
        Some(FilledTarget { engine, url, database: database?, cluster: cluster? })
    }

    /// A URL for whom it opens. The project's path is written as URLs write it, the rest is the author's.
    fn url(&mut self, key: &str, url: &str, place: &Place) -> Option<Secret> {
        let Some(path) = url.strip_prefix("sqlite://") else { return Some(Secret::new(url)) };
        if path.starts_with('/') || path.starts_with(":memory:") || path.starts_with('?') {
            return Some(Secret::new(url));
        }
        let root = std::path::absolute(self.project).unwrap_or_else(|_| self.project.to_owned());
        let Some(root) = root.to_str() else { return self.fail(key, place, FillReason::PathNotUnicode) };
        let root = root.trim_end_matches('/').replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        let path = path.strip_prefix("./").unwrap_or(path);
        Some(Secret::new(format!("sqlite://{root}/{path}")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn environment(targets: &[(&str, &str)]) -> Environment {
        let place = Place { line: 7, column: 5, ..Place::start_of(&Arc::from("orchestrate.yaml")) };
        let target = |url: &str| Target {
            url: url.to_owned(),
            database: Some("${DB:-posthog}".to_owned()),
            cluster: None,
            place: place.clone(),
        };
        Environment {
            store: None,
            targets: targets.iter().map(|(name, url)| ((*name).to_owned(), target(url))).collect(),
            platform: None,
            version: None,
            vars: BTreeMap::from([("token".to_owned(), "t-${TOKEN}".to_owned())]),
            services: BTreeMap::new(),
            settings: BTreeMap::new(),
            place: place.clone(),
        }
    }

    fn lookup(name: &str) -> Option<String> {
        let values =
            [("URL", "http://u:hunter2@h"), ("TOKEN", "hunter2"), ("EMPTY", ""), ("FILE", "sqlite://x.db?mode=ro")];
        values.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }

    fn filled(environment: &Environment, need: Need<'_>) -> Result<Installation, Vec<String>> {
        fill(Path::new("/a b%"), "production", environment, need, &lookup)
            .map_err(|errors| errors.iter().map(FillError::to_string).collect())
    }

    #[test]
    fn what_is_set_is_filled_in_and_hides_itself() {
        let environment = environment(&[("ch", "${URL}:8123/"), ("file", "${FILE}"), ("rooted", "sqlite:///y.db")]);
        let filled = filled(&environment, Need::Everything).expect("all is set");
        let urls: Vec<&str> = filled.targets.values().map(|target| target.url.expose()).collect();
        assert_eq!(urls, ["http://u:hunter2@h:8123/", "sqlite:///a b%25/x.db?mode=ro", "sqlite:///y.db"]);
        assert_eq!(filled.targets["ch"].engine, Engine::ClickHouse);
        assert_eq!(filled.targets["ch"].database.as_deref(), Some("posthog"));
        assert_eq!(filled.store.expose(), "sqlite:///a b%25/.orchestrate/state.db");
        assert_eq!(filled.vars["token"].expose(), "t-hunter2");
        assert!(!format!("{filled:?}").contains("hunter2"));
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let mut environment = environment(&[("ch", "${NO_URL}"), ("odd", "${TOKEN}://x"), ("set", "${URL}")]);
        environment.store = Some("https://${URL}".to_owned());
        environment.vars.insert("two".to_owned(), "${NO_A}${EMPTY}${NO_B}".to_owned());
        let at = |key: &str, reason: &str| {
            format!("orchestrate.yaml:7:5: `{key}` of the environment `production`: {reason}")
        };
        assert_eq!(
            filled(&environment, Need::Everything).err(),
            Some(vec![
                at("store", "a store's URL begins with sqlite:// or postgres://"),
                at("targets.ch.url", "the variable `NO_URL` is not set"),
                at("targets.odd.url", "the URL begins with none of http://, https://, postgres://, sqlite://"),
                at("vars.two", "the variable `NO_A` is not set"),
                at("vars.two", "the variable `NO_B` is not set"),
            ])
        );
    }

    #[test]
    fn only_what_is_needed_is_filled_in() {
        let mut environment = environment(&[("ch", "${NO_URL}"), ("set", "${URL}")]);
        let targets = BTreeSet::from(["set".to_owned()]);
        let some = filled(&environment, Need::Targets(&targets)).expect("what is needed is set");
        assert_eq!(some.targets.keys().collect::<Vec<_>>(), ["set"]);
        environment.vars.insert("x".to_owned(), "${NO_X}".to_owned());
        assert!(filled(&environment, Need::Targets(&targets)).is_err());
        assert!(filled(&environment, Need::Store).is_ok());
    }

    #[test]
    fn the_only_environment_needs_no_name() {
        let mut project = Project::default();
        assert_eq!(pick(&project, None).err(), Some(PickError::NoEnvironment));
        project.environments.insert("production".to_owned(), environment(&[]));
        assert_eq!(pick(&project, None).map(|(name, _)| name).ok(), Some("production"));
        project.environments.insert("staging".to_owned(), environment(&[]));
        assert_eq!(pick(&project, Some("staging")).map(|(name, _)| name).ok(), Some("staging"));
        let several = pick(&project, None).map(|_| ()).expect_err("there are two");
        assert_eq!(several.to_string(), "the project has several environments: production, staging");
        let unknown = pick(&project, Some("stagin")).map(|_| ()).expect_err("there is no such one");
        assert_eq!(unknown.hint(), "did you mean `staging`?");
    }
}
