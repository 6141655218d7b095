//! The tokens' claims.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[cfg(doc)]
use super::token_settings::TokenSettings;
use crate::domain::{
    auth_method::AuthMethod,
    clock::Seconds,
    ids::{SessionId, TokenId, UserId},
    key_set::Purpose,
    session::Session,
    tokens::DEVICE_TOKEN_SECONDS,
};

/// The maximum of `ACCESS_TOKEN_SECONDS`: a day.
pub const MAX_ACCESS_TOKEN_SECONDS: i64 = 86_400;
/// The maximum of `SESSION_ABSOLUTE_SECONDS`: ten years.
pub const MAX_SESSION_SECONDS: i64 = 315_360_000;

/// The claims of a token type.
pub trait Claims: Serialize + DeserializeOwned {
    /// The header's `typ` (RFC 8725 §3.11), so one type cannot pass as the other.
    const TYPE: &'static str;
    /// What the token is for.
    const PURPOSE: Purpose;
    /// Its maximum lifetime, in seconds, whatever is configured: a token that claims more is not ours.
    const MAX_SECONDS: i64;

    /// When it expires.
    fn expires_at(&self) -> Seconds;
    /// When it becomes valid, if it says so.
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
    /// When it becomes valid; ours do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Seconds>,
    /// The app that it was issued to.
    pub client_id: String,
    /// When its owner logged in.
    pub auth_time: Seconds,
    /// How (RFC 8176); tokens of version 0.1 do not say, nor do those of a ticket whose backend did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<AuthMethod>,
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
    /// When it was issued; for a successor, when it was rotated.
    pub iat: Seconds,
    /// The session's absolute limit.
    pub exp: Seconds,
    /// When it becomes valid; ours do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Seconds>,
}

/// A device token's claims: that an app has logged in to an account before. Proves nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceClaims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is for: [`TokenSettings::device_audience`].
    pub aud: String,
    /// The digest of the account's address.
    pub sub: String,
    /// The lane in which the device's guesses are counted.
    pub jti: TokenId,
    /// When it was issued.
    pub iat: Seconds,
    /// When it expires.
    pub exp: Seconds,
    /// When it becomes valid; ours do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Seconds>,
}

/// What the tokens of one session have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSubject {
    /// Whose session.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// When its owner logged in.
    pub auth_time: Seconds,
    /// How.
    pub amr: Vec<AuthMethod>,
    /// When it expires unless it is refreshed.
    pub expires_at: Seconds,
    /// When it expires regardless.
    pub absolute_expires_at: Seconds,
}

impl From<&Session> for TokenSubject {
    fn from(session: &Session) -> Self {
        Self {
            user_id: session.user_id,
            session_id: session.id,
            auth_time: session.auth_time.seconds(),
            amr: session.amr.clone(),
            expires_at: session.expires_at,
            absolute_expires_at: session.absolute_expires_at,
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

impl Claims for DeviceClaims {
    const TYPE: &'static str = "device+jwt";
    const PURPOSE: Purpose = Purpose::Device;
    const MAX_SECONDS: i64 = DEVICE_TOKEN_SECONDS;

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
