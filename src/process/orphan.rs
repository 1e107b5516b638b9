//! Commands whose owner was killed: they go on without it, and are found again by the tag in their environment.
//!
//! Only where the system tells of its processes in `/proc`, and only on the machine that they run on.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable that carries the tag of a command.
pub const TAG: &str = "ORCHESTRATE_TAG";
/// How often it is asked whether they are gone.
const POLL: Duration = Duration::from_millis(50);

/// The processes that carry a tag.
fn tagged(tag: &str) -> Vec<Pid> {
    let wanted = format!("{TAG}={tag}");
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let carries = |folder: &Path| {
        let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    let pids = entries.flatten().filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        carries(&entry.path()).then_some(Pid::from_raw(pid))
    });
    pids.collect()
}

/// Whether a process of the command with this tag is left.
pub fn is_running(tag: &str) -> bool {
    !tagged(tag).is_empty()
}

/// Ends every process of the command with this tag: asks first, and kills what does not end within `grace`.
pub async fn end(tag: &str, grace: Duration) {
    let send = |signal| {
        for pid in tagged(tag) {
            if let Err(error) = kill(pid, signal) {
                tracing::debug!(%pid, %error, "it is gone already");
            }
        }
    };
    send(Signal::SIGTERM);
    let is_gone = async {
        while is_running(tag) {
            tokio::time::sleep(POLL).await;
        }
    };
    if tokio::time::timeout(grace, is_gone).await.is_err() {
        send(Signal::SIGKILL);
    }
}
