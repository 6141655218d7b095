//! Runs a function: configuration, clients, logging, metrics, state, and the request loop.

pub mod aws;
pub mod config;
mod function;
pub mod logging;
pub mod metrics;
mod respond;
mod serve;
mod state;

pub use function::{Function, Settings, Trigger};
pub use respond::{Handler, REQUEST_TIMEOUT, respond};
pub use serve::{StartError, serve, serve_signing};
pub use state::{SigningState, State};
