//! Errors as `application/problem+json` (RFC 9457). The one place that knows which cause is which status.

use lambda_http::{Body, http::header};
use serde_json::json;

use super::{Response, Route};
use crate::{
    error::{Error, FieldError},
    store::{CallerGone, StoreError},
    token::SignError,
};

/// Why a request gets no ordinary answer: the domain's causes and those of HTTP itself.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A cause that the domain knows.
    #[error(transparent)]
    Domain(#[from] Error),
    /// The request cannot be read at all.
    #[error("{0}")]
    Malformed(&'static str),
    /// No such path here.
    #[error("no such path")]
    NotFound,
    /// Another method.
    #[error("another method")]
    MethodNotAllowed,
    /// A body over 16 KiB.
    #[error("the body is over 16 KiB")]
    PayloadTooLarge,
    /// A content type that is not read here.
    #[error("unsupported media type")]
    UnsupportedMediaType,
    /// The handler panicked.
    #[error("the handler panicked")]
    Panic,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<SignError> for Fault {
    fn from(error: SignError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<CallerGone> for Fault {
    fn from(error: CallerGone) -> Self {
        Self::Domain(error.into())
    }
}

impl Fault {
    /// Fields that do not fit.
    #[must_use]
    pub fn validation(errors: Vec<FieldError>) -> Self {
        Self::Domain(Error::Validation(errors))
    }

    /// For logs: with all causes.
    pub(super) fn report(&self) -> String {
        match self {
            Self::Domain(error) => error.report(),
            other => other.to_string(),
        }
    }

    pub(super) fn status_and_code(&self) -> (u16, &'static str) {
        let (status, code, _) = self.describe();
        (status, code)
    }

    /// Status, code, and what the client's developer should know.
    fn describe(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Malformed(detail) => (400, "malformed_request", detail),
            Self::NotFound => (404, "not_found", "There is nothing at this path."),
            Self::MethodNotAllowed => (
                405,
                "method_not_allowed",
                "This path answers another method: see Allow.",
            ),
            Self::PayloadTooLarge => (413, "payload_too_large", "The body is larger than 16 KiB."),
            Self::UnsupportedMediaType => (
                415,
                "unsupported_media_type",
                "Send application/json or application/x-www-form-urlencoded, in UTF-8.",
            ),
            Self::Panic => INTERNAL,
            Self::Domain(error) => match error {
                Error::Validation(_) => (422, "validation_failed", "Some fields do not fit: see errors."),
                Error::InvalidCredentials => {
                    (401, "invalid_credentials", "The email or the password is wrong.")
                }
                Error::AccountInactive => (401, "account_inactive", "This account is inactive."),
                Error::MissingToken => (
                    401,
                    "missing_token",
                    "Send the access token as Authorization: Bearer.",
                ),
                Error::InvalidToken(_) => (401, "invalid_token", "The token is not valid here."),
                Error::TokenExpired => (401, "token_expired", "The token has expired."),
                Error::SessionExpired => (401, "session_expired", "The session has expired: log in again."),
                Error::SessionRevoked => (401, "session_revoked", "The session was ended: log in again."),
                Error::RefreshTokenReused => (
                    401,
                    "refresh_token_reused",
                    "This refresh token was used before. The session was ended for safety: log in again.",
                ),
                Error::NotYourSession => (
                    403,
                    "not_your_session",
                    "This session belongs to another account.",
                ),
                Error::RateLimited { .. } => (
                    429,
                    "rate_limited",
                    "Too many requests: wait for as many seconds as Retry-After says.",
                ),
                Error::SessionNotFound => (404, "session_not_found", "There is no such session."),
                Error::Store(StoreError::Unavailable { .. } | StoreError::Contended { .. })
                | Error::NoKeySet
                | Error::NoSigningKey => (
                    503,
                    "unavailable",
                    "The service is unavailable for a moment: try again.",
                ),
                Error::Store(StoreError::Refused { .. } | StoreError::Corrupt { .. })
                | Error::Hash(_)
                | Error::Sign(_) => INTERNAL,
            },
        }
    }

    /// RFC 6750 §3: the challenge of a 401. Without a token there is no error to name.
    fn challenge(&self) -> String {
        let (_, code, detail) = self.describe();
        let realm = "Bearer realm=\"holdfast\"";
        match code {
            "missing_token" | "invalid_credentials" | "account_inactive" => realm.to_owned(),
            _ => format!("{realm}, error=\"invalid_token\", error_description=\"{detail}\""),
        }
    }
}

const INTERNAL: (u16, &str, &str) = (500, "internal", "Something went wrong on our side.");
/// How long a client should wait after a 503, in seconds.
const RETRY_AFTER_SECONDS: u16 = 1;
/// Where RFC 6749 §5.2 applies.
const REFRESH_PATH: &str = "/api/v1/auth/refresh";

pub(super) fn response(fault: &Fault, route: Route, request_id: &str) -> Response {
    let (status, code, detail) = fault.describe();
    let mut body = json!({
        "type": "about:blank",
        "title": title(status),
        "status": status,
        "code": code,
        "detail": detail,
        "success": false,
        "request_id": request_id,
    });
    if let Fault::Domain(Error::Validation(errors)) = fault {
        let list = |e: &FieldError| json!({ "field": e.field, "message": e.message });
        body["errors"] = errors.iter().map(list).collect();
    }
    if route.path == REFRESH_PATH {
        match status {
            401 => body["error"] = "invalid_grant".into(),
            400 | 415 | 422 => body["error"] = "invalid_request".into(),
            _ => {}
        }
    }
    let mut response = Response::new(Body::Text(body.to_string()));
    *response.status_mut() = status.try_into().unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/problem+json"),
    );
    if let Fault::Domain(Error::RateLimited { retry_after }) = fault {
        headers.insert(header::RETRY_AFTER, (*retry_after).into());
    }
    match status {
        401 => {
            if let Ok(challenge) = header::HeaderValue::from_str(&fault.challenge()) {
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        405 => {
            headers.insert(header::ALLOW, header::HeaderValue::from_static(route.method));
        }
        503 => {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        _ => {}
    }
    response
}

/// The standard reason phrase (RFC 9457 §4.2.1).
fn title(status: u16) -> &'static str {
    lambda_http::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason())
        .unwrap_or("Error")
}
