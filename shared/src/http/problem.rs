//! Errors as `application/problem+json` (RFC 9457). The one place that knows which cause is which status.

use lambda_http::http::header;

use super::{Response, Route, code::Code, model::Problem, reply};
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
    /// The handler took longer than a request may. What it had under way may be done or not, as after a lost answer.
    #[error("no answer within the time of a request")]
    Overdue,
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

    /// What it is called in answers.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::MalformedRequest,
            Self::NotFound => Code::NotFound,
            Self::MethodNotAllowed => Code::MethodNotAllowed,
            Self::PayloadTooLarge => Code::PayloadTooLarge,
            Self::UnsupportedMediaType => Code::UnsupportedMediaType,
            Self::Panic => Code::Internal,
            Self::Overdue => Code::Unavailable,
            Self::Domain(error) => match error {
                Error::Validation(_) => Code::ValidationFailed,
                Error::InvalidCredentials => Code::InvalidCredentials,
                Error::AccountInactive => Code::AccountInactive,
                Error::MissingToken => Code::MissingToken,
                Error::InvalidToken(_) => Code::InvalidToken,
                Error::TokenExpired => Code::TokenExpired,
                Error::SessionExpired => Code::SessionExpired,
                Error::SessionRevoked => Code::SessionRevoked,
                Error::RefreshTokenReused => Code::RefreshTokenReused,
                Error::RateLimited { .. } => Code::RateLimited,
                Error::NotYourSession => Code::NotYourSession,
                Error::SessionNotFound => Code::SessionNotFound,
                Error::Store(StoreError::Unavailable { .. } | StoreError::Contended { .. })
                | Error::NoKeySet
                | Error::NoSigningKey => Code::Unavailable,
                Error::Store(StoreError::Refused { .. } | StoreError::Corrupt { .. })
                | Error::Hash(_)
                | Error::Sign(_) => Code::Internal,
            },
        }
    }

    /// What the client's developer should know.
    const fn detail(&self) -> &'static str {
        match self {
            Self::Malformed(detail) => detail,
            other => other.code().detail(),
        }
    }

    /// RFC 6750 §3: the challenge of a 401. Without a token there is no error to name.
    fn challenge(&self) -> String {
        let realm = "Bearer realm=\"holdfast\"";
        match self.code() {
            Code::MissingToken | Code::InvalidCredentials | Code::AccountInactive => realm.to_owned(),
            other => format!(
                "{realm}, error=\"invalid_token\", error_description=\"{}\"",
                other.detail()
            ),
        }
    }
}

/// How long a client should wait after a 503, in seconds.
const RETRY_AFTER_SECONDS: u16 = 1;
/// Where RFC 6749 §5.2 applies.
const REFRESH_PATH: &str = "/api/v1/auth/refresh";

pub(super) fn response(fault: &Fault, route: Route, request_id: &str) -> Response {
    let status = fault.code().status();
    let errors = match fault {
        Fault::Domain(Error::Validation(errors)) => errors.as_slice(),
        _ => &[],
    };
    let problem = Problem {
        detail: fault.detail(),
        errors,
        request_id,
        ..Problem::of(fault.code(), route)
    };
    let mut response = reply::json(&problem);
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

impl Problem<'_> {
    /// A problem of this code as `route` answers it, before anything is said of the very request.
    #[must_use]
    pub fn of(code: Code, route: Route) -> Self {
        let status = code.status();
        Self {
            kind: "about:blank",
            title: title(status),
            status,
            code,
            detail: code.detail(),
            success: false,
            request_id: "",
            errors: &[],
            error: (route.path == REFRESH_PATH)
                .then(|| oauth_error(status))
                .flatten(),
        }
    }
}

/// RFC 6749 §5.2.
const fn oauth_error(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("invalid_grant"),
        400 | 415 | 422 => Some("invalid_request"),
        _ => None,
    }
}

/// The standard reason phrase (RFC 9457 §4.2.1).
fn title(status: u16) -> &'static str {
    lambda_http::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason())
        .unwrap_or("Error")
}
