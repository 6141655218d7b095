//! What the Holdfast functions share, in five rooms. `runtime` stands on `auth`, `auth` on `http`, `store` and `domain`,
//! and `http` and `store`, side by side, on `domain` only.

pub mod auth;
pub mod domain;
pub mod http;
pub mod runtime;
pub mod store;

pub use domain::error::Error;
pub use runtime::{SigningState, State};
