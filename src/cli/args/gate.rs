//! What can be typed about the gate.

use clap::Args;

use super::{Shown, partial_version, whole_version};
use crate::model::{PartialVersion, Version};

/// Tell whether a version may start: for CI, init containers and helm hooks
///
/// It may where every migration whose window ends below it is complete, or where it is the version that runs. Exit code 0
/// if it may, 5 if it may not. The store is asked once; only where that does not open the gate, the environment's
/// platform is asked which version runs. Nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate gate --to 1.36.1
  orchestrate gate --to 1.36.1 --environment production --format json      orchestrate.gate/v1
  orchestrate gate --to 1.36.1 --at 1.33.0      where no platform tells which version runs")]
pub(in crate::cli) struct GateArguments {
    /// The app version that is about to start; a partial one is the highest release that it can mean
    #[arg(long, value_name = "VERSION", value_parser = partial_version)]
    pub to: PartialVersion,
    /// The app version that runs, where the platform cannot tell
    #[arg(long, value_name = "VERSION", value_parser = whole_version)]
    pub at: Option<Version>,
    #[command(flatten)]
    pub shown: Shown,
}
