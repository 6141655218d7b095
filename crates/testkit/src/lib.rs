//! Shared by tests and benchmark: Lambda's side of a function, and faults, turns and meters between it and AWS.

mod attempt;
mod batch;
mod capacity;
mod dynamodb;
mod fault;
mod http_client;
mod outcome;
mod paths;
mod process;
mod proxy;
mod runtime_api;
mod turns;

pub use attempt::Attempt;
pub use capacity::{CapacityMeter, Units};
pub use dynamodb::is_write;
pub use fault::{Fault, FaultDuration, Injection};
pub use http_client::FaultyHttpClient;
pub use outcome::{Failure, Outcome};
pub use paths::{binary, root};
pub use process::{Answered, FunctionProcess};
pub use proxy::{RecordedRequest, RecordingProxy};
pub use runtime_api::{Act, RuntimeApi};
pub use turns::{Queue, Schedule, Turns, turns};
