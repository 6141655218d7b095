//! Checks tokens (RFC 8725): a fixed algorithm, an explicit type, our own keys and our own clock.

use std::collections::HashSet;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, errors::ErrorKind};

use super::{claims::Claims, token_settings::TokenSettings};
use crate::domain::{
    clock::Millis,
    error::Error,
    key_set::{KeySet, Purpose},
};

/// How far ahead another machine's clock may be, in seconds: for `nbf`, and for the longest lifetime `exp` may claim.
/// Expiry has no leeway: every other verifier would refuse a token that lived a second too long.
pub const LEEWAY: i64 = 5;

/// The longest token that is parsed, in bytes; ours are under 700.
const MAX_BYTES: usize = 4096;

/// Why a token is refused. Clients learn only that it is invalid or has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT, or longer than any of ours.
    #[error("not a token")]
    Malformed,
    /// Its header names another algorithm, or an extension that must be understood (RFC 7515 §4.1.11).
    #[error("another algorithm or an unknown critical extension")]
    Header,
    /// It is of another type.
    #[error("a token of another type")]
    Type,
    /// Its key is not (or no longer) in the key set.
    #[error("no such key")]
    UnknownKey,
    /// The signature is wrong.
    #[error("wrong signature")]
    Signature,
    /// Its issuer, audience or another claim is wrong or missing.
    #[error("wrong or missing claims")]
    Claims,
    /// It is not valid yet.
    #[error("not valid yet")]
    NotYet,
    /// It is past its `exp`.
    #[error("expired")]
    Expired,
}

impl From<TokenError> for Error {
    fn from(rejected: TokenError) -> Self {
        match rejected {
            TokenError::Expired => Self::TokenExpired,
            other => Self::InvalidToken(other.into()),
        }
    }
}

/// Checks tokens against the configured issuer and audience.
#[derive(Clone, Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    device_audience: String,
}

/// A JWT with an acceptable header.
#[derive(Debug)]
pub struct ParsedToken<'a> {
    token: &'a str,
    kid: String,
}

/// A token whose signature and claims are valid by a key set that may be stale.
#[derive(Debug)]
pub struct Unconfirmed<C> {
    claims: C,
    kid: String,
}

impl Verifier {
    /// A verifier for the configured issuer and audience.
    #[must_use]
    pub fn new(settings: &TokenSettings) -> Self {
        Self {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            device_audience: settings.device_audience(),
        }
    }

    /// Checks only the header: `alg`, `typ`, `crit` and `kid`. `jku`, `jwk`, `x5u` and `x5c` are ignored.
    ///
    /// # Errors
    ///
    /// If it cannot be a token of ours of this type.
    pub fn parse<'a, C: Claims>(&self, token: &'a str) -> Result<ParsedToken<'a>, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        if header.alg != Algorithm::ES256 || header.crit.is_some() {
            return Err(TokenError::Header);
        }
        if header.typ.as_deref() != Some(C::TYPE) {
            return Err(TokenError::Type);
        }
        Ok(ParsedToken {
            token,
            kid: header.kid.ok_or(TokenError::UnknownKey)?,
        })
    }

    /// Checks signature and claims with the token's key from `set`, at `now`.
    ///
    /// # Errors
    ///
    /// Says why the token is refused.
    pub fn verify<C: Claims>(
        &self,
        parsed: &ParsedToken<'_>,
        set: &KeySet,
        now: Millis,
    ) -> Result<Unconfirmed<C>, TokenError> {
        let published = set.get(&parsed.kid).ok_or(TokenError::UnknownKey)?;
        let key = DecodingKey::from_ec_components(&published.x, &published.y)
            .map_err(|_| TokenError::UnknownKey)?;
        let claims = jsonwebtoken::decode::<C>(parsed.token, &key, &self.validation(C::PURPOSE))
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => TokenError::Signature,
                ErrorKind::Json(_)
                | ErrorKind::InvalidIssuer
                | ErrorKind::InvalidAudience
                | ErrorKind::MissingRequiredClaim(_)
                | ErrorKind::InvalidClaimFormat(_) => TokenError::Claims,
                _ => TokenError::Malformed,
            })?
            .claims;
        // Before the key: a phone that returns after its key was retired is told that its access token has expired, so
        // it refreshes, not that the token is invalid.
        check_times(&claims, now)?;
        if !published.verifies(C::PURPOSE, now) {
            return Err(TokenError::UnknownKey);
        }
        Ok(Unconfirmed {
            claims,
            kid: parsed.kid.clone(),
        })
    }

    /// `jsonwebtoken` reads the system clock itself, so its time checks are off.
    fn validation(&self, purpose: Purpose) -> Validation {
        let audience = match purpose {
            Purpose::Access => &self.audience,
            Purpose::Refresh => &self.issuer,
            Purpose::Device => &self.device_audience,
        };
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.required_spec_claims = HashSet::from(["exp", "iss", "aud", "sub"].map(str::to_owned));
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[audience]);
        validation
    }
}

impl<C: Claims> Unconfirmed<C> {
    /// The claims, to know what to read. Decide nothing by them yet.
    pub const fn claims(&self) -> &C {
        &self.claims
    }

    /// The claims, if the key is still in the set at `now`.
    ///
    /// # Errors
    ///
    /// [`TokenError::UnknownKey`] if the key was dropped from the set.
    pub fn confirm(self, set: &KeySet, now: Millis) -> Result<C, TokenError> {
        match set.find(&self.kid, C::PURPOSE, now) {
            Some(_) => Ok(self.claims),
            None => Err(TokenError::UnknownKey),
        }
    }
}

fn check_times<C: Claims>(claims: &C, now: Millis) -> Result<(), TokenError> {
    let now = now.seconds();
    if claims.expires_at() <= now {
        return Err(TokenError::Expired);
    }
    if claims.expires_at() > now.plus(C::MAX_SECONDS + LEEWAY) {
        return Err(TokenError::Claims);
    }
    match claims.not_before() {
        Some(not_before) if not_before > now.plus(LEEWAY) => Err(TokenError::NotYet),
        _ => Ok(()),
    }
}
