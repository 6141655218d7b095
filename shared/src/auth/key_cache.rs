//! A function's cached key set, and how it is kept fresh.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;

use crate::{
    domain::{
        clock::{Clock, Millis},
        error::Error,
        key_set::KeySet,
    },
    store::Store,
};

/// The oldest copy that may be used for a decision, in milliseconds.
const MAX_AGE: i64 = 60_000;

/// No keys are published yet.
#[derive(Debug, thiserror::Error)]
#[error("the table holds no key set (item KEYS / JWKS): publish the signing keys' public halves first")]
struct NoKeySet;

/// Caches the published key set. Clones share it.
#[derive(Clone, Debug)]
pub struct KeyCache {
    store: Store,
    clock: Clock,
    copy: Arc<Mutex<Option<CachedSet>>>,
}

#[derive(Clone, Debug)]
pub(super) struct CachedSet {
    pub set: Arc<KeySet>,
    read_at: Millis,
}

impl KeyCache {
    /// Starts empty: the first token, or [`KeyCache::warm`], reads the set.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            copy: Arc::default(),
        }
    }

    /// Reads the set at start, `connections` times at once: each read opens a connection to the table that later
    /// requests use. A failure is only logged, as the first request will retry and report it.
    pub async fn warm(&self, connections: usize) {
        let reads = join_all((0..connections).map(|_| self.read())).await;
        if let Some(error) = reads.into_iter().find_map(Result::err) {
            tracing::warn!(error = %error.report(), "the key set could not be read at start");
        }
    }

    /// The set, at most a minute old.
    ///
    /// # Errors
    ///
    /// If the cached set has expired and no set can be read.
    pub async fn set(&self) -> Result<Arc<KeySet>, Error> {
        match self.cached_within(MAX_AGE) {
            Some(copy) => Ok(copy.set),
            None => Ok(self.read().await?.set),
        }
    }

    /// The set, read now.
    ///
    /// # Errors
    ///
    /// If the table cannot be read, or holds no key set.
    pub async fn fresh_set(&self) -> Result<Arc<KeySet>, Error> {
        Ok(self.read().await?.set)
    }

    /// The cached set, of any age, if there is one.
    #[must_use]
    pub fn cached_set(&self) -> Option<Arc<KeySet>> {
        Some(self.cached_within(i64::MAX)?.set)
    }

    /// The copy, if it is less than `age` milliseconds old.
    pub(super) fn cached_within(&self, age: i64) -> Option<CachedSet> {
        let now = self.clock.now();
        let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let known = age == i64::MAX || copy.read_at.is_younger_than(age, now);
        known.then_some(copy)
    }

    /// Reads and caches the set.
    pub(super) async fn read(&self) -> Result<CachedSet, Error> {
        let read_at = self.clock.now();
        let set = self.store.key_set().await?;
        let set = set.ok_or_else(|| Error::Unavailable(NoKeySet.into()))?;
        let copy = CachedSet {
            set: Arc::new(set),
            read_at,
        };
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = Some(copy.clone());
        Ok(copy)
    }
}
