//! Who makes a request: the token is checked first, and confirmed beside the request's own reads.

use super::{
    claims::Claims,
    key_cache::KeyCache,
    verifier::{Rejected, Unconfirmed, Verifier},
};
use crate::domain::{clock::Clock, error::Error};

/// An unknown `kid` makes us read the key set again at most this often, in milliseconds.
const UNKNOWN_KID_INTERVAL: i64 = 10_000;

/// Checks and confirms tokens.
#[derive(Clone, Debug)]
pub struct Authenticator {
    keys: KeyCache,
    verifier: Verifier,
    clock: Clock,
}

impl Authenticator {
    /// Verifies with the keys in `keys`, at the time of `clock`.
    #[must_use]
    pub const fn new(keys: KeyCache, verifier: Verifier, clock: Clock) -> Self {
        Self {
            keys,
            verifier,
            clock,
        }
    }

    /// Checks a token as far as that goes without the table: signature, type, issuer, audience, expiry.
    ///
    /// A forged token costs no read, save that an unknown `kid` makes the set be read again at most every 10 s.
    /// What it answers must be confirmed by [`Authenticator::confirm_beside`] before anything is decided.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidToken`] or [`Error::TokenExpired`]; [`Error::Unavailable`] without any copy of the set.
    pub async fn check_token<C: Claims>(&self, token: &str) -> Result<Unconfirmed<C>, Error> {
        let candidate = self.verifier.parse::<C>(token)?;
        let copy = match self.keys.cached_within(i64::MAX) {
            Some(copy) => copy,
            None => self.keys.read().await?,
        };
        match self.verifier.verify(&candidate, &copy.set, self.clock.now()) {
            Err(Rejected::UnknownKey) if self.keys.cached_within(UNKNOWN_KID_INTERVAL).is_none() => {
                let copy = self.keys.read().await?;
                Ok(self.verifier.verify(&candidate, &copy.set, self.clock.now())?)
            }
            verdict => Ok(verdict?),
        }
    }

    /// Runs the request's own `work`; where the copy of the set is older than a minute, renews it beside that, so
    /// that nobody waits longer for it. Then the token's key is looked up once more.
    ///
    /// # Errors
    ///
    /// The work's; [`Error::InvalidToken`] when the key is no longer in the set; [`Error::Unavailable`] when the set
    /// cannot be read.
    pub async fn confirm_beside<C: Claims, T, E: Into<Error>>(
        &self,
        token: Unconfirmed<C>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<(C, T), Error> {
        let (set, done) = tokio::join!(self.keys.set(), work);
        let claims = token.confirm(&*set?, self.clock.now())?;
        Ok((claims, done.map_err(Into::into)?))
    }
}
