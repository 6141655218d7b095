//! The access token of a request (RFC 6750 §2.1).

use lambda_http::http::header;

use super::message::Request;
use crate::domain::error::Error;

/// The bearer token.
///
/// # Errors
///
/// [`Error::MissingToken`] if there is none.
pub fn bearer(request: &Request) -> Result<&str, Error> {
    optional_bearer(request).ok_or(Error::MissingToken)
}

/// The bearer token, if there is one.
#[must_use]
pub fn optional_bearer(request: &Request) -> Option<&str> {
    bearer_in(request.headers().get(header::AUTHORIZATION)?.to_str().ok()?)
}

/// The bearer token in the value of an `Authorization` header. The scheme's case does not matter (RFC 9110 §11.1).
#[must_use]
pub fn bearer_in(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
