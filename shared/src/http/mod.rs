//! The HTTP edge: the one place where requests are read and domain errors become answers.

mod auth;
mod body;
mod code;
mod edge;
mod error;
mod gateway;
pub mod model;
mod operation;
mod origin;
mod problem;
mod quota;
mod reply;
#[cfg(feature = "openapi")]
pub mod schema;

pub use auth::{bearer, bearer_in, optional_bearer};
pub use body::Fields;
pub use code::{Advice, Code};
pub use edge::{Handler, REQUEST_TIMEOUT, Route, answer};
pub use error::Fault;
pub use gateway::{mend, request};
pub use operation::{Access, Operation};
pub use origin::{TrustedProxy, device_from, idempotency_key, origin, path_parameter};
#[cfg(feature = "openapi")]
pub use problem::FieldProblem;
pub use problem::Problem;
pub use quota::quotas;
pub use reply::{json, success};

/// A request as API Gateway's HTTP API (payload format 2.0) hands it over.
pub type Request = lambda_http::Request;
/// An answer.
pub type Response = lambda_http::Response<lambda_http::Body>;
