//! What can be typed about the state of an installation.

use clap::Args;

use super::Shown;

/// Look whether an installation is well: store, databases, rights, versions, clocks, disks, platform
///
/// Everything is asked at the same time, and nothing is changed. Each line is good, doubtful or bad, with what to do.
/// Exit code 0 where nothing is bad, else 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate doctor
  orchestrate doctor --environment production --format json      orchestrate.doctor/v1")]
pub(in crate::cli) struct DoctorArguments {
    #[command(flatten)]
    pub shown: Shown,
}
