//! What the Holdfast functions share: the domain, the store, tokens and the HTTP edge.

pub mod account;
pub mod app;
pub mod aws;
pub mod clock;
pub mod config;
pub mod day;
pub mod device;
pub mod digest;
pub mod email;
pub mod error;
pub mod event;
pub mod http;
pub mod ids;
pub mod keys;
pub mod logging;
pub mod metrics;
pub mod password;
pub mod rate;
pub mod session;
pub mod store;
pub mod token;
pub mod tokens;

pub use app::{SigningState, State};
pub use error::Error;
