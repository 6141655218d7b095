//! A function's private keys in memory, and how they are refreshed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    signer::Signer, signing_key_source::SigningKeySource, signing_keys::SigningKeys,
    token_settings::TokenSettings,
};
use crate::domain::{
    clock::{Clock, Millis},
    error::report,
    ids::Ids,
    key_set::KeySet,
};

/// How old the keys may be before they are read again, in milliseconds.
const MAX_AGE: i64 = 300_000;

/// A signer for each private key of the function. Clones share them.
#[derive(Clone)]
pub struct SignerCache(Arc<Inner>);

struct Inner {
    settings: TokenSettings,
    ids: Ids,
    clock: Clock,
    source: SigningKeySource,
    max_wait: Duration,
    loaded: Mutex<Loaded>,
    /// Whoever holds it reads.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Loaded {
    /// The current key's, then the next one's; empty until the first read.
    signers: Vec<Arc<Signer>>,
    /// When a read was last begun.
    tried_at: Option<Millis>,
    /// How many reads have ended, also without success.
    reads: u64,
}

impl SignerCache {
    /// Empty until [`SignerCache::refresh_soon`]. A request waits `max_wait` for keys that it does not need.
    #[must_use]
    pub fn new(
        settings: TokenSettings,
        clock: Clock,
        ids: Ids,
        source: SigningKeySource,
        max_wait: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            settings,
            ids,
            clock,
            source,
            max_wait,
            loaded: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    /// Reads the keys again if five minutes have passed; await it in parallel with a request's own work. A failure is
    /// logged and keeps the loaded keys.
    pub async fn refresh_if_old(&self) {
        let max_wait = self.0.max_wait;
        if self.is_old() && tokio::time::timeout(max_wait, self.refresh_soon()).await.is_err() {
            tracing::error!(
                "the signing keys could not be read in time ({max_wait:?}): going on with those at hand"
            );
        }
    }

    /// Reads the keys again, or waits for a read that is under way; for when no loaded key may sign. A failure is
    /// logged and keeps the loaded keys.
    pub async fn refresh_soon(&self) {
        let reads = || self.with_loaded(|loaded| loaded.reads);
        let before = reads();
        let _turn = self.0.turn.lock().await;
        if reads() == before {
            self.read().await;
        }
    }

    /// The signer whose key `set` allows: the current key's, or the next one's if the set is newer than this
    /// function's keys.
    #[must_use]
    pub fn signer_for(&self, set: &KeySet) -> Option<Arc<Signer>> {
        self.with_loaded(|loaded| {
            let may_sign = |signer: &&Arc<Signer>| set.signs(signer.kid());
            loaded.signers.iter().find(may_sign).cloned()
        })
    }

    /// Whether no read was begun for five minutes.
    fn is_old(&self) -> bool {
        let (now, tried_at) = (self.0.clock.now(), self.with_loaded(|loaded| loaded.tried_at));
        tried_at.is_none_or(|at| !at.is_younger_than(MAX_AGE, now))
    }

    async fn read(&self) {
        self.with_loaded(|loaded| loaded.tried_at = Some(self.0.clock.now()));
        let read = self.0.source.read().await;
        match read {
            Ok(SigningKeys { current, next, .. }) => {
                let signer = |key| {
                    let settings = self.0.settings.clone();
                    Arc::new(Signer::new(settings, key, self.0.ids.clone()))
                };
                let signers = vec![signer(&current), signer(&next)];
                self.with_loaded(|loaded| loaded.signers = signers);
            }
            Err(error) => {
                let error = report(&error);
                tracing::error!(
                    error,
                    "the signing keys could not be read: going on with those at hand"
                );
            }
        }
        self.with_loaded(|loaded| loaded.reads += 1);
    }

    fn with_loaded<T>(&self, look: impl FnOnce(&mut Loaded) -> T) -> T {
        look(&mut self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
