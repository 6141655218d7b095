//! Issuing tokens. Only `login` and `refresh` can.

use jsonwebtoken::{Algorithm, EncodingKey, Header};

use super::claims::{AccessClaims, Claims, RefreshClaims, Subject};
use crate::{
    clock::{Millis, Seconds},
    config::Config,
    ids::{Ids, TokenId},
    keys::KeyPair,
};

/// Signs tokens with one private key.
pub struct Signer {
    issuer: String,
    audience: String,
    client_id: String,
    access_token_seconds: i64,
    ids: Ids,
    kid: String,
    key: EncodingKey,
}

/// A token could not be signed: the private key is not usable.
#[derive(Debug, thiserror::Error)]
#[error("a token could not be signed: {0}")]
pub struct SignError(#[from] jsonwebtoken::errors::Error);

/// The two tokens that a login or a refresh answers.
pub struct Issued {
    /// The access token.
    pub access_token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// How long the access token lives from now, in seconds.
    pub expires_in: i64,
    /// How long the session lives from now without a refresh, in seconds.
    pub refresh_token_expires_in: i64,
}

impl Signer {
    /// Signs with `key`, by the configuration's names and lifetimes.
    #[must_use]
    pub fn new(config: &Config, key: &KeyPair, ids: Ids) -> Self {
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            client_id: config.client_id.clone(),
            access_token_seconds: config.access_token_seconds,
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

    /// Both tokens of a session: a new access token, and the refresh token `refresh_jti` issued at `issued_at`.
    ///
    /// # Errors
    ///
    /// When the private key is not usable.
    pub fn issue(
        &self,
        subject: &Subject,
        refresh_jti: &TokenId,
        issued_at: Seconds,
        now: Millis,
    ) -> Result<Issued, SignError> {
        let now = now.seconds();
        let access = AccessClaims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: subject.user_id,
            sid: subject.session_id,
            jti: self.ids.token(),
            iat: now,
            exp: now.plus(self.access_token_seconds).min(subject.expires_at),
            nbf: None,
            client_id: self.client_id.clone(),
            auth_time: subject.auth_time,
        };
        let refresh = RefreshClaims {
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: subject.user_id,
            sid: subject.session_id,
            jti: refresh_jti.clone(),
            iat: issued_at,
            exp: subject.absolute_expires_at,
            nbf: None,
            auth_time: subject.auth_time,
        };
        Ok(Issued {
            access_token: self.sign(&access)?,
            refresh_token: self.sign(&refresh)?,
            expires_in: access.exp.since(now),
            refresh_token_expires_in: subject.expires_at.since(now),
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
