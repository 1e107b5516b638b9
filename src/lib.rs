//! `orchestrate` plans multi-step upgrades of self-hosted software from checked-in YAML.
//!
//! The stages, in the order of the pipeline; each knows only those before it:
//!
//! | stage | in | out |
//! |---|---|---|
//! | [`model`] | | the nouns: version, window, release, migration, operation, path, environment |
//! | [`manifest`] | files' bytes | a [`model::Catalog`], or every finding at once with its place |
//! | [`sql`] | SQL in any dialect | tokens, and statements one by one |
//! | [`template`] | texts with `{{ … }}` | checked at load; rendered reports, texts and statements |
//! | [`check`] | a catalog | findings of the rules that need no database |
//! | [`plan`] | a catalog and a request | a plan, or why there is none and what would open the way |
//! | [`run`] | a run's events | the state that they fold into, and what comes next |
//! | [`store`] | a run's events, leases, requests; settings | the same again, from SQLite or Postgres |
//! | [`database`], [`process`], [`http`] | statements, probes, commands, calls | what was answered |
//! | [`execute`] | what comes next | what came of it |
//! | [`config`], [`telemetry`], [`cli`] | arguments, files | text, JSON, an exit code |
//!
//! Everything above the store is pure and synchronous: values in, values out. `docs/architecture.md` is the map,
//! `docs/decisions/` says why.

pub mod check;
pub mod cli;
pub mod config;
pub mod database;
pub mod execute;
pub mod graph;
pub mod http;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod process;
pub mod run;
pub mod sql;
pub mod store;
pub mod telemetry;
pub mod template;
