//! The functions that are measured.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use testkit::FunctionProcess;
use tokio::time::Instant;

use testkit::Outcome;

/// Where the release binary of a function is.
pub fn binary(name: &str) -> PathBuf {
    testkit::binary("release", name)
}

/// Starts a function with these variables and no others than Lambda's own, and waits for its first poll.
///
/// # Errors
///
/// When it cannot be started, or ends or fails before it polls.
pub async fn start(name: &str, variables: &[(String, String)]) -> Outcome<FunctionProcess> {
    let started = FunctionProcess::start(&binary(name), variables).await;
    started.map_err(|error| format!("{name}: {error}. `make bench` builds it").into())
}

/// The names of all functions.
///
/// # Errors
///
/// When `functions/` cannot be read.
pub fn all() -> Outcome<Vec<String>> {
    let mut names = Vec::new();
    for folder in std::fs::read_dir(testkit::root().join("functions"))? {
        names.push(folder?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// From the start of `binary` to its end when nothing tells it what to work with: making the process, loading and linking
/// the program, and the first look at its configuration.
///
/// # Errors
///
/// When it cannot be started, or does not end with an error.
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
