//! The functions' own binaries.

use std::{path::PathBuf, process::Command, sync::OnceLock};

use testkit::FunctionProcess;

/// The debug binary of a function. `cargo build --bins` runs once for all tests of a process.
///
/// # Panics
///
/// If the functions cannot be built.
pub async fn built(function: &str) -> PathBuf {
    static BUILT: OnceLock<bool> = OnceLock::new();
    let are_built = tokio::task::spawn_blocking(|| *BUILT.get_or_init(build)).await;
    assert!(
        are_built.is_ok_and(|built| built),
        "the functions could not be built: see above"
    );
    testkit::binary("debug", function)
}

/// As in `make test`, so that nothing is built twice.
fn build() -> bool {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--bins", "--quiet"])
        .current_dir(testkit::root())
        .status()
        .is_ok_and(|status| status.success())
}

/// Starts the debug binary of a function with these variables.
///
/// # Panics
///
/// If it does not start.
pub async fn start_process(function: &str, variables: &[(String, String)]) -> FunctionProcess {
    let process = FunctionProcess::start(&built(function).await, variables).await;
    process.unwrap_or_else(|error| panic!("{function}: {error}"))
}
