//! A rotation's dependencies, and publishing.

use aws_sdk_secretsmanager::Client;
use shared::{
    State,
    domain::key_set::{PublicKey, PublishedKeys, Retired},
    runtime::config::KeyLocation,
    store::StoreError,
};

use crate::{error::RotationError, secret::Secret};

/// How often a step starts over because the secret or the published set changed meanwhile.
pub(crate) const MAX_ATTEMPTS: u32 = 8;

/// The function's dependencies.
#[derive(Clone, Debug)]
pub struct Rotation {
    pub(crate) state: State,
    pub(crate) secret: Secret,
}

impl Rotation {
    /// Rotates the secret that `SIGNING_KEYS_SECRET_ID` names.
    ///
    /// # Errors
    ///
    /// [`RotationError::NoSecret`] if it names none.
    pub fn new(state: State, client: Client) -> Result<Self, RotationError> {
        match &state.config.signing_keys {
            Some(KeyLocation::Secret(id)) => Ok(Self {
                secret: Secret::new(client, id.clone()),
                state,
            }),
            Some(KeyLocation::File(_)) | None => Err(RotationError::NoSecret),
        }
    }

    /// Publishes a set in which `active` sign and all other keys are retired. Returns `false` if another writer
    /// published since `before` was read.
    pub(crate) async fn publish(
        &self,
        before: Option<&PublishedKeys>,
        active: Vec<PublicKey>,
    ) -> Result<bool, StoreError> {
        let now = self.state.clock.now();
        let config = &self.state.config;
        let retired = Retired::at(
            now,
            config.tokens.access_token_seconds,
            config.session_absolute_seconds,
        );
        let none = PublishedKeys::default();
        let old = before.unwrap_or(&none);
        let new = old.keys.succeeded_by(active, retired, now);
        if new == old.keys {
            return Ok(true);
        }
        self.state.store.replace_key_set(before, &new, old.epoch).await
    }
}
