//! Asks about the limits that hold up the moving of large tables, each beside everything else.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::model::{Migration, Throttle};
use crate::run::{Limit, Reading};

use super::now;
use super::site::{Site, Texts};

/// How long an answer may take that nothing is said about: a slow one is as good as none.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The limits of a migration as decisions know them, in the order of their names.
pub(super) fn limits(migration: &Migration) -> Vec<Limit> {
    let limit = |throttle: &Throttle| Limit {
        name: throttle.name.clone(),
        expect: throttle.probe.expect.clone(),
        resume: throttle.resume.clone().unwrap_or_else(|| throttle.probe.expect.clone()),
        every: throttle.every.unwrap_or(Throttle::EVERY_DEFAULT),
    };
    let mut limits: Vec<Limit> = migration.throttle.iter().map(limit).collect();
    limits.sort_by(|one, other| one.name.cmp(&other.name));
    limits
}

/// Questions that are under way.
#[derive(Default)]
pub(super) struct Readings(JoinSet<(String, Reading)>);

impl Readings {
    /// Asks.
    pub fn ask(&mut self, site: &Arc<Site>, texts: &Arc<Texts>, migration: &Migration, names: &[String]) {
        for throttle in migration.throttle.iter().filter(|throttle| names.contains(&throttle.name)) {
            let (site, texts) = (Arc::clone(site), Arc::clone(texts));
            let (name, mut probe) = (throttle.name.clone(), throttle.probe.clone());
            probe.timeout = Some(probe.timeout.unwrap_or(TIMEOUT));
            self.0.spawn(async move {
                let context = site.context(&texts, probe.target(), None);
                let answer = site.answer(&probe, &context).await;
                (name, Reading { at: now(), answer })
            });
        }
    }

    /// The next answer. Never ends while nothing is asked.
    pub async fn next(&mut self) -> (String, Reading) {
        match self.0.join_next().await {
            Some(Ok(reading)) => reading,
            Some(Err(error)) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
                std::future::pending().await
            }
            None => std::future::pending().await,
        }
    }
}
