//! What tests and benchmark share: Lambda's side of a function, and faults, turns and meters on its way to AWS.

mod batch;
mod capacity;
mod dynamodb;
mod fault;
mod http_client;
mod process;
mod proxy;
mod runtime_api;
mod turns;

pub use capacity::{CapacityMeter, Units};
pub use dynamodb::is_write;
pub use fault::{Fault, FaultDuration, Injection};
pub use http_client::{Attempt, FaultyHttpClient};
pub use process::{Answered, FunctionProcess};
pub use proxy::{RecordedRequest, RecordingProxy};
pub use runtime_api::{Act, RuntimeApi};
pub use turns::{Queue, Schedule, Turns, turns};

use std::path::{Path, PathBuf};

/// What went wrong, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A result, or what went wrong.
pub type Outcome<T> = Result<T, Failure>;

/// The root of the workspace.
#[must_use]
pub fn root() -> &'static Path {
    const HERE: &str = env!("CARGO_MANIFEST_DIR");
    Path::new(HERE).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// Where cargo puts a binary of a profile (`debug`, `release`).
#[must_use]
pub fn binary(profile: &str, name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join(profile).join(name)
}
