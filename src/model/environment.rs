//! The project file: the product and the installations it is upgraded on.
//!
//! Texts with `${NAME}` stay as they are written; they are filled in where a command really uses an environment.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Place, Probe, ProductName, ServiceVersion};

/// What `orchestrate.yaml` declares; empty without one.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The product that is meant where none is named.
    pub product: Option<ProductName>,
    /// The installations.
    pub environments: BTreeMap<String, Environment>,
}

/// One installation.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Where runs are kept, a URL.
    pub store: Option<String>,
    /// The databases.
    pub targets: BTreeMap<String, Target>,
    /// How releases are deployed.
    pub platform: Option<String>,
    /// Which app version runs, where the platform's own question does not fit.
    pub version: Option<Probe>,
    /// Values for templates.
    pub vars: BTreeMap<String, String>,
    /// Services it runs on.
    pub services: BTreeMap<String, ServiceSource>,
    /// Settings of the runs.
    pub settings: BTreeMap<String, Value>,
    /// Where it is declared.
    pub place: Place,
}

/// A database that operations act on.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its URL; the scheme is the engine.
    pub url: String,
    /// The database to use.
    pub database: Option<String>,
    /// The ClickHouse cluster.
    pub cluster: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

impl Target {
    /// The engine that the URL's scheme names, if it can be told before `${NAME}` is filled in.
    pub fn engine(&self) -> Option<Engine> {
        Engine::from_url(&self.url)
    }
}

/// The database engines that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// ClickHouse over HTTP.
    ClickHouse,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl Engine {
    /// The name people use.
    pub fn as_str(self) -> &'static str {
        match self {
            Engine::ClickHouse => "ClickHouse",
            Engine::Postgres => "Postgres",
            Engine::Sqlite => "SQLite",
        }
    }

    /// The engine that a URL's scheme names.
    pub fn from_url(url: &str) -> Option<Engine> {
        match url.split_once("://")?.0 {
            "http" | "https" => Some(Engine::ClickHouse),
            "postgres" | "postgresql" => Some(Engine::Postgres),
            "sqlite" => Some(Engine::Sqlite),
            _ => None,
        }
    }

    /// The engine that a target's name speaks of, where no environment declares its URL.
    pub fn from_target_name(name: &str) -> Option<Engine> {
        let name = name.to_ascii_lowercase();
        if name.contains("clickhouse") {
            Some(Engine::ClickHouse)
        } else if name.contains("postgres") {
            Some(Engine::Postgres)
        } else if name.contains("sqlite") {
            Some(Engine::Sqlite)
        } else {
            None
        }
    }
}

/// Where a service's version is known from.
#[derive(Clone, Debug)]
pub enum ServiceSource {
    /// It is written down.
    Version(ServiceVersion),
    /// It is asked for.
    Probe(Box<Probe>),
}
