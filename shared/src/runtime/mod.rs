//! Starting a function: configuration, clients, logging, metrics, state, and the loop that answers.

pub mod aws;
pub mod config;
pub mod logging;
pub mod metrics;
mod respond;
mod serve;
mod state;

pub use respond::{Handler, REQUEST_TIMEOUT, answer};
pub use serve::{StartError, run, run_signing};
pub use state::{SigningState, State};
