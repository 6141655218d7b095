//! The HTTP edge: the one place where requests are read and domain errors become answers.

mod bearer;
mod client;
mod code;
mod error;
mod gateway;
mod input;
mod message;
pub mod model;
mod oauth;
mod operation;
mod problem;
mod rate_limit;
mod refusal;
mod response;
mod route;
#[cfg(feature = "openapi")]
pub mod schema;

pub use bearer::{bearer, bearer_in, optional_bearer};
pub use client::{TrustedProxy, audit_context, check_proxy, device, device_name, idempotency_hash};
pub use code::{ClientAction, Code};
pub use error::ApiError;
pub use gateway::{request_from_event, sanitize};
pub use input::{Input, query_values};
pub use message::{Request, Response};
pub use oauth::{BasicCredentials, OAuthError, basic_credentials, public_client_form};
pub use operation::{Access, ErrorFormat, Operation, Route, Sample, SampleToken};
#[cfg(feature = "openapi")]
pub use problem::FieldProblem;
pub use problem::Problem;
pub use rate_limit::quotas;
pub(crate) use rate_limit::write_headers as write_rate_limit_headers;
pub(crate) use refusal::response as error_response;
pub use response::{json, success};
pub(crate) use route::{closest_operation, find_operation, note_operation, request_id};
pub use route::{is_for, path_parameter, session_id};
