//! A function's copy of the key set, and how it is kept young.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::join_all;

use super::KeySet;
use crate::{
    clock::{Clock, Millis},
    error::Error,
    store::Store,
    token::{Claims, Rejected, Unconfirmed, Verifier},
};

/// A decision is never made with a copy older than this, in milliseconds.
const MAX_AGE: i64 = 60_000;
/// An unknown `kid` makes us read the set again at most this often, in milliseconds.
const UNKNOWN_KID_INTERVAL: i64 = 10_000;

/// Nothing was published yet.
#[derive(Debug, thiserror::Error)]
#[error("the table holds no key set (item KEYS / JWKS): publish the signing keys' public halves first")]
struct NoKeySet;

/// Verifies tokens with a copy of the published key set.
#[derive(Clone, Debug)]
pub struct Keys {
    store: Store,
    clock: Clock,
    verifier: Verifier,
    copy: Arc<Mutex<Option<Copy>>>,
}

#[derive(Clone, Debug)]
struct Copy {
    set: Arc<KeySet>,
    read_at: Millis,
}

impl Keys {
    /// Starts without a copy: the first token, or [`Keys::warm`], reads it.
    #[must_use]
    pub fn new(store: Store, clock: Clock, verifier: Verifier) -> Self {
        Self {
            store,
            clock,
            verifier,
            copy: Arc::default(),
        }
    }

    /// Reads the set while the process starts, so many times at once: each opens a connection to the table, and
    /// requests use them later. A failure is only logged: the first request will try again, and report it.
    pub async fn warm(&self, connections: usize) {
        let reads = join_all((0..connections).map(|_| self.read())).await;
        if let Some(error) = reads.into_iter().find_map(Result::err) {
            tracing::warn!(error = %error.report(), "the key set could not be read at start");
        }
    }

    /// The set, not older than a minute.
    ///
    /// # Errors
    ///
    /// When the copy is too old and the table cannot be read, or holds no key set.
    pub async fn set(&self) -> Result<Arc<KeySet>, Error> {
        match self.copy_younger_than(MAX_AGE) {
            Some(copy) => Ok(copy.set),
            None => Ok(self.read().await?.set),
        }
    }

    /// The set as it is now.
    ///
    /// # Errors
    ///
    /// When the table cannot be read, or holds no key set.
    pub async fn set_now(&self) -> Result<Arc<KeySet>, Error> {
        Ok(self.read().await?.set)
    }

    /// The copy of the set, whatever its age, if there is one.
    #[must_use]
    pub fn copy(&self) -> Option<Arc<KeySet>> {
        Some(self.copy_younger_than(i64::MAX)?.set)
    }

    /// Checks a token as far as that goes without the table: signature, type, issuer, audience, expiry.
    ///
    /// A forged token costs no read, save that an unknown `kid` makes the set be read again at most every 10 s.
    /// What it answers must be confirmed by [`Keys::confirm_beside`] before anything is decided.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidToken`] or [`Error::TokenExpired`]; [`Error::Unavailable`] without any copy of the set.
    pub async fn check<C: Claims>(&self, token: &str) -> Result<Unconfirmed<C>, Error> {
        let candidate = self.verifier.parse::<C>(token)?;
        let copy = match self.copy_younger_than(i64::MAX) {
            Some(copy) => copy,
            None => self.read().await?,
        };
        match self.verifier.verify(&candidate, &copy.set, self.clock.now()) {
            Err(Rejected::UnknownKey) if self.copy_younger_than(UNKNOWN_KID_INTERVAL).is_none() => {
                let copy = self.read().await?;
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
        let (set, done) = tokio::join!(self.set(), work);
        let claims = token.confirm(&*set?, self.clock.now())?;
        Ok((claims, done.map_err(Into::into)?))
    }

    fn copy_younger_than(&self, age: i64) -> Option<Copy> {
        let now = self.clock.now();
        let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        // A clock that was set back makes the copy's age unknown.
        let known = age == i64::MAX || (copy.read_at <= now && now.0 - copy.read_at.0 < age);
        known.then_some(copy)
    }

    async fn read(&self) -> Result<Copy, Error> {
        let read_at = self.clock.now();
        let set = self.store.key_set().await?;
        let set = set.ok_or_else(|| Error::Unavailable(NoKeySet.into()))?;
        let copy = Copy {
            set: Arc::new(set),
            read_at,
        };
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy.clone());
        Ok(copy)
    }
}
