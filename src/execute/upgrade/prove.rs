//! Proves that a release runs: the platform's probe says so twice in a row, within a time.

use std::time::Duration;

use crate::run::{Rest, UpgradeEvent};

use super::super::control::ControlError;
use super::super::journal::DriveError;
use super::super::observe::Observer;
use super::super::site::Texts;
use super::version::{Runs, runs};
use super::walk::Walker;

/// The pause before the version is asked again.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(500);
/// As often in a row the version must be the right one.
pub(super) const TIMES: u32 = 2;

impl Walker<'_> {
    pub(super) async fn prove(&mut self, step: usize, observer: &mut dyn Observer) -> Result<(), ControlError> {
        let texts = self.texts(step);
        let app = self.planned(step)?.release.app.clone();
        if self.desk.site.version.is_none() {
            // Whoever deployed it said so.
            return self.note(UpgradeEvent::Proved { step, version: app }, observer).await;
        }
        let begun = tokio::time::Instant::now();
        let mut times = 0;
        loop {
            let why = match self.asked(&texts).await {
                Ok(version) if times + 1 >= TIMES => {
                    return self.note(UpgradeEvent::Proved { step, version }, observer).await;
                }
                Ok(_) => {
                    times += 1;
                    None
                }
                Err(why) => {
                    times = 0;
                    Some(why)
                }
            };
            if let Some(why) = why {
                let because = format!("{app} should run, and {why}");
                if begun.elapsed() >= self.settings.proof_timeout {
                    return self.rest(Rest::Version { step, because }, observer).await;
                }
                observer.waits(&because);
            }
            tokio::select! {
                () = self.journal.pulse.lost.cancelled() => return Err(DriveError::LeaseLost.into()),
                () = self.desk.signals.let_go.cancelled() => return Ok(()),
                () = self.desk.signals.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(ASK_AGAIN) => {}
            }
        }
    }

    /// The version that runs, where it is the step's; else what is told instead.
    async fn asked(&self, texts: &Texts) -> Result<String, String> {
        match runs(&self.desk.site, texts).await {
            Runs::Own(version) => Ok(version),
            Runs::Before(version) | Runs::Another(version) => Err(format!("{version} does")),
            Runs::Unknown(why) => Err(format!("nobody can tell: {why}")),
        }
    }
}
