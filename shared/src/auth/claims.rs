//! What the tokens say.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::domain::{
    clock::Seconds,
    ids::{SessionId, TokenId, UserId},
    key_set::Purpose,
    session::Session,
};

/// The most that `ACCESS_TOKEN_SECONDS` may be: a day.
pub const MAX_ACCESS_TOKEN_SECONDS: i64 = 86_400;
/// The most that `SESSION_ABSOLUTE_SECONDS` may be: ten years.
pub const MAX_SESSION_SECONDS: i64 = 315_360_000;

/// One kind of token's claims.
pub trait Claims: Serialize + DeserializeOwned {
    /// The header's `typ` (RFC 8725 §3.11): keeps one kind from passing for the other.
    const TYPE: &'static str;
    /// What the token is for.
    const PURPOSE: Purpose;
    /// How long it lives at most, in seconds, whatever is configured: one that claims more is none of ours.
    const MAX_SECONDS: i64;

    /// When it expires.
    fn expires_at(&self) -> Seconds;
    /// Before when it is not valid, when it says so.
    fn not_before(&self) -> Option<Seconds>;
}

/// An access token's claims (RFC 9068 §2.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// Whose it is.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// Its own id.
    pub jti: TokenId,
    /// When it was issued.
    pub iat: Seconds,
    /// When it expires.
    pub exp: Seconds,
    /// Before when it is not valid; ours do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Seconds>,
    /// The app that it was issued to.
    pub client_id: String,
    /// When its owner logged in.
    pub auth_time: Seconds,
}

/// A refresh token's claims.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefreshClaims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is for: the issuer.
    pub aud: String,
    /// Whose it is.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// The session's `refresh_jti` at the time of issue.
    pub jti: TokenId,
    /// When it was issued: for a successor, when it was rotated to.
    pub iat: Seconds,
    /// The session's absolute limit.
    pub exp: Seconds,
    /// Before when it is not valid; ours do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Seconds>,
    /// When its owner logged in.
    pub auth_time: Seconds,
}

/// What the tokens of one session have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenSubject {
    /// Whose session.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// When its owner logged in.
    pub auth_time: Seconds,
    /// When it ends unless it is refreshed before.
    pub expires_at: Seconds,
    /// When it ends in any case.
    pub absolute_expires_at: Seconds,
}

impl From<&Session> for TokenSubject {
    fn from(session: &Session) -> Self {
        Self {
            user_id: session.user_id,
            session_id: session.id,
            auth_time: session.created_at.seconds(),
            expires_at: session.expires_at,
            absolute_expires_at: session.absolute_expires_at,
        }
    }
}

impl RefreshClaims {
    /// The session that the token is of, which now ends at `expires_at`.
    #[must_use]
    pub const fn subject(&self, expires_at: Seconds) -> TokenSubject {
        TokenSubject {
            user_id: self.sub,
            session_id: self.sid,
            auth_time: self.auth_time,
            expires_at,
            absolute_expires_at: self.exp,
        }
    }
}

impl Claims for AccessClaims {
    const TYPE: &'static str = "at+jwt";
    const PURPOSE: Purpose = Purpose::Access;
    const MAX_SECONDS: i64 = MAX_ACCESS_TOKEN_SECONDS;

    fn expires_at(&self) -> Seconds {
        self.exp
    }

    fn not_before(&self) -> Option<Seconds> {
        self.nbf
    }
}

impl Claims for RefreshClaims {
    const TYPE: &'static str = "rt+jwt";
    const PURPOSE: Purpose = Purpose::Refresh;
    const MAX_SECONDS: i64 = MAX_SESSION_SECONDS;

    fn expires_at(&self) -> Seconds {
        self.exp
    }

    fn not_before(&self) -> Option<Seconds> {
        self.nbf
    }
}
