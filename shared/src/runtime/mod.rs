//! Runs a function: configuration, clients, logging, metrics, state, and the request loop.

pub mod aws;
pub mod command;
pub mod config;
mod function;
pub mod logging;
pub mod metrics;
mod respond;
mod serve;
mod state;
mod text_lines;
mod timeouts;

pub use function::{Function, Settings, Trigger};
pub use respond::{Handler, respond};
pub use serve::{StartError, serve, serve_signing, serve_with};
pub use state::{SigningState, State};
pub use timeouts::Timeouts;
