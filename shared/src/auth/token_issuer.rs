//! Chooses the key that signs tokens.

use std::sync::Arc;

use super::{
    authenticator::Authenticator, claims::Claims, key_cache::KeyCache, signer::Signer,
    signer_cache::SignerCache, verifier::Unconfirmed,
};
use crate::domain::error::Error;

/// Finds the signing key in parallel with a request's own work.
#[derive(Clone)]
pub struct TokenIssuer {
    keys: KeyCache,
    authenticator: Authenticator,
    signers: SignerCache,
}

/// Keys are being replaced, or the secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("none of the private keys at hand may sign by the published key set (item KEYS / JWKS)")]
struct NoSigningKey;

impl TokenIssuer {
    /// Signs with those of `signers` that the set in `keys` allows.
    #[must_use]
    pub const fn new(keys: KeyCache, authenticator: Authenticator, signers: SignerCache) -> Self {
        Self {
            keys,
            authenticator,
            signers,
        }
    }

    /// Reads the private keys at start. A failure is only logged.
    pub async fn warm(&self) {
        self.signers.refresh_soon().await;
    }

    /// Runs the request's own `work` and, in parallel, reads the key set and refreshes the private keys; then chooses
    /// the signer. The set is never a cached one, so that no login uses a key that was just dropped.
    ///
    /// # Errors
    ///
    /// The work's; [`Error::Unavailable`] if the set cannot be read, or no key may sign.
    pub async fn signer_beside<T, E: Into<Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<(Arc<Signer>, T), Error> {
        let (set, (), done) = tokio::join!(self.keys.fresh_set(), self.signers.refresh_if_old(), work);
        set?;
        Ok((self.signer().await?, done.map_err(Into::into)?))
    }

    /// As [`Authenticator::confirm_beside`], but also refreshes the private keys in parallel.
    ///
    /// The work does not start unless some key can sign its result.
    ///
    /// # Errors
    ///
    /// As [`Authenticator::confirm_beside`]; [`Error::Unavailable`] if no key may sign.
    pub async fn confirm_beside<C: Claims, T, E: Into<Error>>(
        &self,
        token: Unconfirmed<C>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<(Arc<Signer>, C, T), Error> {
        self.signer().await?;
        let confirmed = self.authenticator.confirm_beside(token, work);
        let (confirmed, ()) = tokio::join!(confirmed, self.signers.refresh_if_old());
        let (claims, done) = confirmed?;
        Ok((self.signer().await?, claims, done))
    }

    /// A signer whose key the cached set allows, if there is one.
    #[must_use]
    pub fn cached_signer(&self) -> Option<Arc<Signer>> {
        self.signers.signer_for(&*self.keys.cached_set()?)
    }

    /// Finds a private key that the cached set allows. If none matches, one of them is stale, so both are read again.
    async fn signer(&self) -> Result<Arc<Signer>, Error> {
        if let Some(signer) = self.cached_signer() {
            return Ok(signer);
        }
        let (set, ()) = tokio::join!(self.keys.fresh_set(), self.signers.refresh_soon());
        let signer = self.signers.signer_for(&*set?);
        signer.ok_or_else(|| Error::Unavailable(NoSigningKey.into()))
    }
}
