//! The problem codes: one list, from which answers, the API's description and the documentation's tables are made or
//! checked.

use serde::{Serialize, Serializer};

/// What a client does about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientAction {
    /// The session is over: forget the tokens and show the login.
    LogIn,
    /// Refresh, then retry the request once. From the refresh endpoint itself it means [`ClientAction::LogIn`].
    Refresh,
    /// Retry the same request later, not before `Retry-After` if it is sent.
    Retry,
    /// Look for newer tokens in the app's store; if there are none, retry the same request after `Retry-After`.
    ReadStore,
    /// Tell the person in front of the screen, who can do something about it.
    ShowUser,
    /// The target is not there (any more): load the list again.
    Reload,
    /// A mistake in the app: a retry changes nothing.
    FixApp,
}

impl ClientAction {
    /// The action as the documentation words it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::LogIn => "log in again",
            Self::Refresh => "refresh, then repeat once; from the refresh endpoint: log in again",
            Self::Retry => "try again",
            Self::ReadStore => {
                "read the stored tokens again; if they are the same, try again after `Retry-After`"
            }
            Self::ShowUser => "tell the user",
            Self::Reload => "load the list again",
            Self::FixApp => "fix the app",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $status:literal, $text:literal, $advice:ident, $detail:literal;)+) => {
        /// A problem's `code`: stable, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])+ $name),+ }

        impl Code {
            /// All of them, by status.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// Its name in answers.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What a client does about it.
            #[must_use]
            pub const fn advice(self) -> ClientAction {
                match self { $(Self::$name => ClientAction::$advice),+ }
            }

            /// What the client's developer should know.
            #[must_use]
            pub const fn detail(self) -> &'static str {
                match self { $(Self::$name => $detail),+ }
            }
        }
    };
}

codes! {
    /// The request itself cannot be read. Its detail says why.
    MalformedRequest = 400, "malformed_request", FixApp, "The body is not valid JSON.";
    /// A client that is not this service's, or one with a secret in the body. Of the OAuth endpoints only, as the
    /// following.
    UnknownClient = 400, "unknown_client", FixApp,
        "The client_id is not the one of this service, or there is a client secret: it is a public client.";
    /// A grant that there is not.
    UnsupportedGrantType = 400, "unsupported_grant_type", FixApp,
        "The only grant is refresh_token: sessions are opened at the login endpoint.";
    /// A scope: there are none.
    InvalidScope = 400, "invalid_scope", FixApp, "There are no scopes: leave scope out.";
    /// Client authentication in the header that fails, or where there is none to be.
    InvalidClient = 401, "invalid_client", FixApp,
        "The Authorization header does not authenticate a client here.";
    /// Unknown address or wrong password, never revealing which.
    InvalidCredentials = 401, "invalid_credentials", ShowUser, "The email or the password is wrong.";
    /// The right password for a disabled account.
    AccountInactive = 401, "account_inactive", ShowUser, "This account is inactive.";
    /// No token.
    MissingToken = 401, "missing_token", FixApp, "Send the access token as Authorization: Bearer.";
    /// A token that is not valid here.
    InvalidToken = 401, "invalid_token", Refresh, "The token is not valid here.";
    /// A token past its `exp`.
    TokenExpired = 401, "token_expired", Refresh, "The token has expired.";
    /// An expired session.
    SessionExpired = 401, "session_expired", LogIn, "The session has expired: log in again.";
    /// A revoked session.
    SessionRevoked = 401, "session_revoked", LogIn, "The session was ended: log in again.";
    /// An old refresh token was presented, so its session was revoked.
    RefreshTokenReused = 401, "refresh_token_reused", LogIn,
        "This refresh token was used before. The session was ended for safety: log in again.";
    /// A ticket that is none, is past its end or was redeemed.
    InvalidTicket = 401, "invalid_ticket", ShowUser, "The ticket is not good any more: get a new one from the app's backend.";
    /// Another account's session.
    NotYourSession = 403, "not_your_session", Reload, "This session belongs to another account.";
    /// A request that bypassed the trusted proxy.
    Forbidden = 403, "forbidden", FixApp, "Call the API at its public address.";
    /// No such session.
    SessionNotFound = 404, "session_not_found", Reload, "There is no such session.";
    /// Unknown path.
    NotFound = 404, "not_found", FixApp, "There is nothing at this path.";
    /// Wrong method.
    MethodNotAllowed = 405, "method_not_allowed", FixApp, "This path answers another method: see Allow.";
    /// Another request has just used this refresh token or ticket.
    RefreshConflict = 409, "refresh_conflict", ReadStore,
        "Another request has just used this refresh token or ticket. A newer refresh token in the app's store is the \
         answer; otherwise repeat this request after Retry-After.";
    /// A large body.
    PayloadTooLarge = 413, "payload_too_large", FixApp, "The body is larger than 16 KiB.";
    /// An unsupported content type.
    UnsupportedMediaType = 415, "unsupported_media_type", FixApp,
        "Send application/json or application/x-www-form-urlencoded, in UTF-8.";
    /// Invalid fields.
    ValidationFailed = 422, "validation_failed", ShowUser, "Some fields do not fit: see errors.";
    /// Over a rate limit.
    RateLimited = 429, "rate_limited", Retry, "Too many requests: wait for as many seconds as Retry-After says.";
    /// A bug.
    Internal = 500, "internal", Retry, "Something went wrong on our side.";
    /// The table cannot be reached.
    Unavailable = 503, "unavailable", Retry, "The service is unavailable for a moment: try again.";
}

impl Code {
    /// Its status and `error` at the OAuth endpoints (RFC 6749 §5.2; §4.1.2.1 for failures of ours). What ends a session
    /// there is `invalid_grant`.
    #[must_use]
    pub const fn oauth(self) -> (u16, &'static str) {
        let error = match self {
            Self::MalformedRequest | Self::UnsupportedMediaType | Self::ValidationFailed => {
                return (400, "invalid_request");
            }
            Self::InvalidCredentials
            | Self::AccountInactive
            | Self::MissingToken
            | Self::InvalidToken
            | Self::TokenExpired
            | Self::SessionExpired
            | Self::SessionRevoked
            | Self::RefreshTokenReused
            | Self::InvalidTicket => return (400, "invalid_grant"),
            Self::UnknownClient | Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::Forbidden
            | Self::NotYourSession
            | Self::SessionNotFound
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::PayloadTooLarge => "invalid_request",
            Self::RefreshConflict | Self::RateLimited | Self::Unavailable => "temporarily_unavailable",
            Self::Internal => "server_error",
        };
        (self.status(), error)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
