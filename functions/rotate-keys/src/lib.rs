//! `rotate-keys`: the rotation function of the secret with the signing keys, and the way to replace them in an
//! emergency. Invoked by Secrets Manager, and by hand; never through the API.
//!
//! A rotation makes the key current that was published a whole rotation ago, and publishes a new one to come next. Every
//! step can be repeated, cut short anywhere and run twice at once: what it reads, it reads again until nobody changed
//! it meanwhile, and what it finds done, it leaves.

mod command;
mod emergency;
mod error;
mod secret;
mod steps;

pub use command::{Command, Step};
pub use error::RotationError;

use aws_sdk_secretsmanager::Client;
use serde_json::{Value, json};
use shared::{
    State,
    domain::key_set::{PublicKey, Published, Retired},
    runtime::{Function, Settings, Trigger, config::KeyLocation},
    store::StoreError,
};

use secret::Secret;

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Invoked {
        by: "Secrets Manager, and operators in an emergency",
        samples: &[
            "create-secret",
            "set-secret",
            "test-secret",
            "finish-secret",
            "emergency",
        ],
    },
    settings: &[Settings::SigningKeys],
    connections: 0,
};

/// How often a step starts over because somebody else changed the secret or the published set under it.
const MOST_ATTEMPTS: u32 = 8;

/// What the function works with.
#[derive(Clone, Debug)]
pub struct Rotation {
    state: State,
    secret: Secret,
}

impl Rotation {
    /// Rotates the secret that `SIGNING_KEYS_SECRET_ID` names.
    ///
    /// # Errors
    ///
    /// [`RotationError::NoSecret`] when it names none.
    pub fn new(state: State, client: Client) -> Result<Self, RotationError> {
        match &state.config.signing_keys {
            Some(KeyLocation::Secret(id)) => Ok(Self {
                secret: Secret::new(client, id.clone()),
                state,
            }),
            Some(KeyLocation::File(_)) | None => Err(RotationError::NoSecret),
        }
    }

    /// Publishes a set in which `active` sign and everything else is retired; `false` when somebody published since
    /// `before` was read.
    async fn publish(&self, before: Option<&Published>, active: Vec<PublicKey>) -> Result<bool, StoreError> {
        let now = self.state.clock.now();
        let config = &self.state.config;
        let retired = Retired::at(
            now,
            config.tokens.access_token_seconds,
            config.session_absolute_seconds,
        );
        let none = Published::default();
        let old = before.unwrap_or(&none);
        let new = old.keys.succeeded_by(active, retired, now);
        if new == old.keys {
            return Ok(true);
        }
        self.state.store.replace_key_set(before, &new, old.epoch).await
    }
}

/// Carries out one step of a rotation, or an emergency.
///
/// # Errors
///
/// Says what is wrong; repeating it is safe.
pub async fn handle(rotation: &Rotation, event: Value) -> Result<Value, RotationError> {
    match Command::parse(event)? {
        Command::Step {
            step,
            secret_id,
            token,
        } => {
            rotation.secret.must_be(&secret_id)?;
            steps::carry_out(rotation, step, &token).await?;
            tracing::info!(step = step.as_str(), version = token, "done");
            Ok(json!({ "ok": true, "step": step.as_str() }))
        }
        Command::Emergency => emergency::replace_keys(rotation).await,
    }
}
