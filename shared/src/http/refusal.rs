//! Errors as answers, in their operation's format.

use lambda_http::http::header;

use super::{
    error::ApiError, message::Response, oauth::OAuthError, operation::ErrorFormat, problem::Problem, response,
};
use crate::domain::error::Error;

/// How long a client should wait after a 503, in seconds.
const RETRY_AFTER_SECONDS: u16 = 1;

/// The challenge of an OAuth endpoint (RFC 6749 §5.2, RFC 7617 §2).
const BASIC: &str = "Basic realm=\"holdfast\"";

/// An error in its operation's format.
pub(crate) fn response(error: &ApiError, format: ErrorFormat, request_id: &str) -> Response {
    let (status, mut response) = match format {
        ErrorFormat::Problem | ErrorFormat::ProblemWithGrantError => {
            let mut response = response::json(&Problem::new(error, format, request_id));
            response.headers_mut().insert(
                header::CONTENT_TYPE,
                header::HeaderValue::from_static("application/problem+json"),
            );
            (error.code().status(), response)
        }
        ErrorFormat::OAuth => (error.code().oauth().0, response::json(&OAuthError::new(error))),
    };
    *response.status_mut() = status.try_into().unwrap_or_default();
    let headers = response.headers_mut();
    if let ApiError::Domain(Error::RateLimited { retry_after } | Error::RefreshConflict { retry_after }) =
        error
    {
        headers.insert(header::RETRY_AFTER, (*retry_after).into());
    }
    match status {
        401 => {
            let challenge = match format {
                ErrorFormat::OAuth => BASIC.to_owned(),
                ErrorFormat::Problem | ErrorFormat::ProblemWithGrantError => error.challenge(),
            };
            if let Ok(challenge) = header::HeaderValue::from_str(&challenge) {
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        405 => {
            if let ApiError::MethodNotAllowed { allow } = error
                && let Ok(allow) = header::HeaderValue::from_str(allow)
            {
                headers.insert(header::ALLOW, allow);
            }
        }
        415 => {
            // RFC 9110 §15.5.16: what would have been accepted.
            let (name, accepted) = match error {
                ApiError::UnsupportedContentCoding => (header::ACCEPT_ENCODING, "identity"),
                _ => (
                    header::ACCEPT,
                    "application/json, application/x-www-form-urlencoded",
                ),
            };
            headers.insert(name, header::HeaderValue::from_static(accepted));
        }
        503 => {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        _ => {}
    }
    response
}
