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
/// If no key may sign, they are read again at most this often, in milliseconds.
const RETRY_INTERVAL: i64 = 1000;
/// How long a request waits for keys it does not need.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// A signer for each private key of the function. Clones share them.
#[derive(Clone)]
pub struct SignerCache(Arc<Inner>);

struct Inner {
    settings: TokenSettings,
    ids: Ids,
    clock: Clock,
    source: SigningKeySource,
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    /// The current key's, then the next one's; empty until the first read.
    signers: Vec<Arc<Signer>>,
    /// When a read was last attempted.
    tried_at: Option<Millis>,
}

impl SignerCache {
    /// Empty until [`SignerCache::refresh_if_old`].
    #[must_use]
    pub fn new(settings: TokenSettings, clock: Clock, ids: Ids, source: SigningKeySource) -> Self {
        Self(Arc::new(Inner {
            settings,
            ids,
            clock,
            source,
            loaded: Mutex::default(),
        }))
    }

    /// Reads the keys again if five minutes have passed; await it in parallel with a request's own work. A failure is
    /// logged and keeps the loaded keys.
    pub async fn refresh_if_old(&self) {
        if self.start_reading(MAX_AGE) && tokio::time::timeout(MAX_WAIT, self.read()).await.is_err() {
            tracing::error!(
                "the signing keys could not be read within a second: going on with those at hand"
            );
        }
    }

    /// Reads the keys again unless that was tried within the last second; for when no loaded key may sign. A failure is
    /// logged and keeps the loaded keys.
    pub async fn refresh_soon(&self) {
        if self.start_reading(RETRY_INTERVAL) {
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

    /// Whether the last attempt is `age` old; if so, records one.
    fn start_reading(&self, age: i64) -> bool {
        let now = self.0.clock.now();
        self.with_loaded(|loaded| {
            // If the clock was set back, the age is unknown.
            let recent = loaded.tried_at.is_some_and(|at| at <= now && now.0 - at.0 < age);
            if !recent {
                loaded.tried_at = Some(now);
            }
            !recent
        })
    }

    async fn read(&self) {
        match self.0.source.read().await {
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
    }

    fn with_loaded<T>(&self, look: impl FnOnce(&mut Loaded) -> T) -> T {
        look(&mut self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
