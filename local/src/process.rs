//! Processes that must not outlive this one.
//!
//! cargo-lambda puts each function into a session of its own, so a signal to its process group reaches none of them. On
//! `SIGTERM` it stops them itself. For all other cases, this process adopts orphans on Linux, so whatever is left is
//! among its own children. Elsewhere, functions whose server is gone exit at their next request for work.

use std::os::unix::process::{CommandExt as _, parent_id};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use crate::error::Error;

/// How long cargo-lambda may take to stop its functions.
const GRACE: Duration = Duration::from_secs(5);

/// The binary's hidden subcommand for [`become_child_of`].
pub const AS_CHILD: &str = "as-child-of";

/// Makes orphaned descendants children of this process (Linux).
///
/// # Errors
///
/// [`Error::Process`], which is not expected.
pub(crate) fn adopt_orphans() -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(|error| {
        Error::Process {
            action: "adopting orphans (PR_SET_CHILD_SUBREAPER)",
            source: error.into(),
        }
    })?;
    Ok(())
}

/// Turns this process into `command`, which gets `SIGTERM` when `parent` dies (Linux), even by `SIGKILL`.
///
/// # Errors
///
/// Returns only if the command cannot be run.
#[must_use]
pub fn become_child_of(parent: u32, mut command: Command) -> Error {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::TERM)) {
        return Error::Process {
            action: "tying cargo-lambda to its parent (PR_SET_PDEATHSIG)",
            source: error.into(),
        };
    }
    if parent_id() != parent {
        let source = std::io::Error::other("its parent has ended");
        return Error::Process {
            action: "starting cargo-lambda",
            source,
        };
    }
    let program = command.get_program().display().to_string();
    Error::Program {
        program,
        source: command.exec(),
        hint: "`make dev` installs it into .venv",
    }
}

/// Stops a child that leads its process group, and everything it leaves behind.
pub(crate) async fn end(mut child: Child) {
    if let Some(group) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        let _ = kill_process_group(group, Signal::TERM);
        if timeout(GRACE, child.wait()).await.is_err() {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = child.wait().await;
        }
    }
    end_orphans().await;
}

/// Kills adopted processes until none is left; each leads its own group.
async fn end_orphans() {
    for _ in 0..100 {
        let orphans = orphans();
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            let _ = kill_process_group(orphan, Signal::KILL);
            let _ = rustix::process::kill_process(orphan, Signal::KILL);
            let _ = rustix::process::waitpid(Some(orphan), rustix::process::WaitOptions::NOHANG);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// The children of this process. (Only orphans, once cargo-lambda has exited.)
#[cfg(target_os = "linux")]
fn orphans() -> Vec<Pid> {
    let parent = std::process::id();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let child = |entry: std::fs::DirEntry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // "pid (name) state parent …", where the name may contain anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let its_parent: u32 = rest.split_whitespace().nth(1)?.parse().ok()?;
        (its_parent == parent).then(|| Pid::from_raw(id)).flatten()
    };
    processes.filter_map(child).collect()
}

#[cfg(not(target_os = "linux"))]
fn orphans() -> Vec<Pid> {
    Vec::new()
}
