//! Why a request is refused or fails, independent of HTTP.

use std::error::Error as StdError;

use serde::Serialize;

/// The cause of an error.
pub type Source = Box<dyn StdError + Send + Sync>;

/// An invalid field and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field, header or parameter.
    pub field: String,
    /// What is wrong, continuing a sentence that begins with the field's name.
    pub message: String,
}

impl FieldError {
    /// `field` and what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Every cause of refusal or failure. `Unavailable` and `Internal` carry a source that only logs show.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Invalid fields.
    #[error("fields that do not fit")]
    Validation(Vec<FieldError>),
    /// Unknown address, wrong password, or no password set: clients are not told which.
    #[error("wrong email or password")]
    InvalidCredentials,
    /// The right password, but the account is disabled.
    #[error("the account is inactive")]
    AccountInactive,
    /// A required access token is missing.
    #[error("no access token")]
    MissingToken,
    /// A token that is not ours, of another kind, or altered.
    #[error("invalid token")]
    InvalidToken(#[source] Source),
    /// A token past its `exp`.
    #[error("the token has expired")]
    TokenExpired,
    /// The token's session expired or is gone.
    #[error("the session has expired")]
    SessionExpired,
    /// The token's session was revoked.
    #[error("the session was ended")]
    SessionRevoked,
    /// An old refresh token was replayed, so its session is revoked.
    #[error("a refresh token was replayed")]
    RefreshTokenReused,
    /// A ticket that is none, is past its end or was redeemed: clients are not told which.
    #[error("invalid ticket")]
    InvalidTicket,
    /// Not the request that used this refresh token or ticket, and too soon to tell theft from a second process of the app.
    #[error("another request has just used this refresh token or ticket")]
    RefreshConflict {
        /// When the same request decides, in seconds from now.
        retry_after: i64,
    },
    /// Somebody else's session.
    #[error("another account's session")]
    NotYourSession,
    /// No such session.
    #[error("no such session")]
    SessionNotFound,
    /// Too many requests in this window.
    #[error("over a rate limit")]
    RateLimited {
        /// How long the window lasts, in seconds.
        retry_after: i64,
    },
    /// Something that a request needs is unavailable: a retry may succeed later.
    #[error(transparent)]
    Unavailable(Source),
    /// A bug, a missing permission or corrupt data: the same request fails again.
    #[error(transparent)]
    Internal(Source),
}

impl Error {
    /// The error and all its causes in one line, for logs.
    #[must_use]
    pub fn report(&self) -> String {
        report(self)
    }
}

/// An error and all its causes in one line, for logs.
#[must_use]
pub fn report(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
