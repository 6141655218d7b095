//! Code that the Holdfast functions share, in five modules. `runtime` uses `auth`; `auth` uses `http`, `store` and
//! `domain`; `http` and `store` use `domain`, not each other.

pub mod auth;
pub mod domain;
pub mod http;
pub mod runtime;
pub mod store;

pub use domain::error::Error;
pub use runtime::{SigningState, State};
