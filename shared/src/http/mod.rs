//! The HTTP edge: the one place where requests are read and domain errors become answers.

mod auth;
mod body;
mod edge;
mod gateway;
mod origin;
mod problem;
mod quota;
mod reply;

pub use auth::{bearer, bearer_in, optional_bearer};
pub use body::Fields;
pub use edge::{Handler, Route, answer};
pub use gateway::{mend, request};
pub use origin::{device_from, idempotency_key, origin, path_parameter};
pub use problem::Fault;
pub use quota::quotas;
pub use reply::{json, success, tokens};

/// A request as API Gateway's HTTP API (payload format 2.0) hands it over.
pub type Request = lambda_http::Request;
/// An answer.
pub type Response = lambda_http::Response<lambda_http::Body>;
