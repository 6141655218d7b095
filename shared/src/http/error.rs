//! Why a request failed. Only this file maps causes to codes.

use super::code::Code;
use crate::domain::error::{Error, FieldError};

/// Why a request failed: the domain's errors and those of HTTP itself.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// An error of the domain.
    #[error(transparent)]
    Domain(Error),
    /// The request cannot be read at all.
    #[error("{0}")]
    Malformed(&'static str),
    /// It bypassed the trusted proxy.
    #[error("not through the trusted proxy: no X-Origin-Verify header with one of its secrets")]
    Forbidden,
    /// A compressed body.
    #[error("a compressed body")]
    UnsupportedContentCoding,
    /// Client authentication that fails (RFC 6749 §5.2), or that the endpoint has no use for.
    #[error("client authentication in the header that is not valid here")]
    InvalidClient,
    /// Another `client_id`, or a secret in the body.
    #[error("another client")]
    UnknownClient,
    /// Another grant than the refresh token's.
    #[error("another grant type")]
    UnsupportedGrantType,
    /// A scope: there are none.
    #[error("a scope")]
    InvalidScope,
    /// Unknown path.
    #[error("no such path")]
    NotFound,
    /// Wrong method.
    #[error("another method")]
    MethodNotAllowed {
        /// The methods of this path (RFC 9110 §10.2.1).
        allow: String,
    },
    /// A body over 16 KiB.
    #[error("the body is over 16 KiB")]
    PayloadTooLarge,
    /// An unsupported content type.
    #[error("unsupported media type")]
    UnsupportedMediaType,
    /// The handler panicked.
    #[error("the handler panicked")]
    Panicked,
    /// The handler ran out of time. Its writes may or may not have been applied, as after a lost answer.
    #[error("no answer within the time of a request")]
    TimedOut,
}

impl<E: Into<Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self::Domain(error.into())
    }
}

impl ApiError {
    /// Invalid fields.
    #[must_use]
    pub fn validation(errors: Vec<FieldError>) -> Self {
        Self::Domain(Error::Validation(errors))
    }

    /// For logs, with all causes.
    pub(crate) fn report(&self) -> String {
        match self {
            Self::Domain(error) => error.report(),
            other => other.to_string(),
        }
    }

    /// Its code in answers.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::MalformedRequest,
            Self::Forbidden => Code::Forbidden,
            Self::InvalidClient => Code::InvalidClient,
            Self::UnknownClient => Code::UnknownClient,
            Self::UnsupportedGrantType => Code::UnsupportedGrantType,
            Self::InvalidScope => Code::InvalidScope,
            Self::NotFound => Code::NotFound,
            Self::MethodNotAllowed { .. } => Code::MethodNotAllowed,
            Self::PayloadTooLarge => Code::PayloadTooLarge,
            Self::UnsupportedMediaType | Self::UnsupportedContentCoding => Code::UnsupportedMediaType,
            Self::Panicked => Code::Internal,
            Self::TimedOut => Code::Unavailable,
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
                Error::InvalidTicket => Code::InvalidTicket,
                Error::RefreshConflict { .. } => Code::RefreshConflict,
                Error::RateLimited { .. } => Code::RateLimited,
                Error::NotYourSession => Code::NotYourSession,
                Error::SessionNotFound => Code::SessionNotFound,
                Error::Unavailable(_) => Code::Unavailable,
                Error::Internal(_) => Code::Internal,
            },
        }
    }

    /// What the client's developer should know.
    pub(super) const fn detail(&self) -> &'static str {
        match self {
            Self::Malformed(detail) => detail,
            Self::UnsupportedContentCoding => {
                "The body is compressed: send it as it is, without Content-Encoding."
            }
            other => other.code().detail(),
        }
    }

    /// RFC 6750 §3: the challenge of a 401. Without a token there is no error to name.
    pub(super) fn challenge(&self) -> String {
        let realm = "Bearer realm=\"holdfast\"";
        match self.code() {
            Code::MissingToken | Code::InvalidCredentials | Code::AccountInactive | Code::InvalidTicket => {
                realm.to_owned()
            }
            other => format!(
                "{realm}, error=\"invalid_token\", error_description=\"{}\"",
                other.detail()
            ),
        }
    }
}
