//! Issues tokens. Only `login` and `refresh` can.

use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::{
    claims::{AccessClaims, Claims, DeviceClaims, RefreshClaims, TokenSubject},
    signing_keys::KeyPair,
    token_settings::TokenSettings,
};
use crate::domain::{
    clock::{Millis, Seconds},
    email::Email,
    error::Error,
    ids::{Ids, TokenId},
    tokens::{DEVICE_TOKEN_SECONDS, IssuedTokens},
};

/// Signs tokens with one private key.
pub struct Signer {
    settings: TokenSettings,
    ids: Ids,
    kid: String,
    key: EncodingKey,
}

/// A token could not be signed: the private key is unusable.
#[derive(Debug, thiserror::Error)]
#[error("a token could not be signed: {0}")]
pub struct SignError(#[from] jsonwebtoken::errors::Error);

impl From<SignError> for Error {
    fn from(error: SignError) -> Self {
        Self::Internal(error.into())
    }
}

impl Signer {
    /// Signs with `key` and the configured names and lifetimes.
    #[must_use]
    pub fn new(settings: TokenSettings, key: &KeyPair, ids: Ids) -> Self {
        Self {
            settings,
            ids,
            kid: key.public().kid.clone(),
            key: key.encoding_key(),
        }
    }

    /// The id of its key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Issues a session's tokens: a new access token, and the refresh token `refresh_jti` as of `issued_at`.
    ///
    /// # Errors
    ///
    /// If the private key is unusable.
    pub fn issue(
        &self,
        subject: &TokenSubject,
        refresh_jti: &TokenId,
        issued_at: Seconds,
        now: Millis,
    ) -> Result<IssuedTokens, SignError> {
        let (now, settings) = (now.seconds(), &self.settings);
        let access = AccessClaims {
            iss: settings.issuer.clone(),
            aud: settings.audience.clone(),
            sub: subject.user_id,
            sid: subject.session_id,
            jti: self.ids.token(),
            iat: now,
            exp: now.plus(settings.access_token_seconds).min(subject.expires_at),
            nbf: None,
            client_id: settings.client_id.clone(),
            auth_time: subject.auth_time,
            amr: subject.amr.clone(),
        };
        let refresh = RefreshClaims {
            iss: settings.issuer.clone(),
            aud: settings.issuer.clone(),
            sub: subject.user_id,
            sid: subject.session_id,
            jti: refresh_jti.clone(),
            iat: issued_at,
            exp: subject.absolute_expires_at,
            nbf: None,
        };
        Ok(IssuedTokens {
            access_token: self.sign(&access)?,
            refresh_token: self.sign(&refresh)?,
            expires_in: access.exp.since(now),
            refresh_token_expires_in: subject.expires_at.since(now),
        })
    }

    /// Issues a device token: its bearer's guesses at the password of `email` are counted in `lane`.
    ///
    /// # Errors
    ///
    /// If the private key is unusable.
    pub fn device_token(&self, email: &Email, lane: &TokenId, now: Millis) -> Result<String, SignError> {
        self.sign(&DeviceClaims {
            iss: self.settings.issuer.clone(),
            aud: self.settings.device_audience(),
            sub: email.digest(),
            jti: lane.clone(),
            iat: now.seconds(),
            exp: now.seconds().plus(DEVICE_TOKEN_SECONDS),
            nbf: None,
        })
    }

    fn sign<C: Claims>(&self, claims: &C) -> Result<String, SignError> {
        let header = Header {
            typ: Some(C::TYPE.to_owned()),
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::ES256)
        };
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }
}
