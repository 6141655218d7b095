//! The measured functions.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use testkit::FunctionProcess;
use tokio::time::Instant;

use testkit::Outcome;

/// Path of a function's release binary.
pub fn binary(name: &str) -> PathBuf {
    testkit::binary("release", name)
}

/// Starts a function with only these variables and Lambda's own, and waits for its first poll.
///
/// # Errors
///
/// If it cannot be started, or exits or fails before polling.
pub async fn start(name: &str, variables: &[(String, String)]) -> Outcome<FunctionProcess> {
    let started = FunctionProcess::start(&binary(name), variables).await;
    started.map_err(|error| format!("{name}: {error}. `make bench` builds it").into())
}

/// The names of all functions.
///
/// # Errors
///
/// If `functions/` cannot be read.
pub fn all() -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for folder in std::fs::read_dir(testkit::root().join("functions"))? {
        names.push(folder?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Time from starting `binary` without any configuration until it exits: creating the process, loading and linking the
/// program, and reading its configuration.
///
/// # Errors
///
/// If it cannot be started, or exits without an error.
pub fn refusal(binary: &Path) -> Outcome<Duration> {
    let mut command = Command::new(binary);
    let command = command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let status = command.spawn()?.wait()?;
    if status.success() {
        return Err(format!("{} has nothing to work with and is content", binary.display()).into());
    }
    Ok(started.elapsed())
}
