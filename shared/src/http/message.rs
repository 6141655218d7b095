//! The types of requests and answers.

/// A request as API Gateway's HTTP API (payload format 2.0) delivers it.
pub type Request = lambda_http::Request;
/// An answer.
pub type Response = lambda_http::Response<lambda_http::Body>;
