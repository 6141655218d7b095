//! `rotate-keys`: rotates the secret with the signing keys, and replaces the keys in an emergency. Invoked by Secrets
//! Manager or by hand, never through the API.
//!
//! A rotation makes the key current that was published a whole rotation ago, and publishes a new one to come next. Every
//! step can be repeated, cut short anywhere and run twice at once: it rereads until nobody changed anything meanwhile,
//! and leaves what is done already.

mod command;
mod emergency;
mod error;
mod rotation;
mod secret;
mod steps;

pub use command::{Command, Step};
pub use error::RotationError;
pub use rotation::Rotation;

use serde_json::{Value, json};
use shared::runtime::{Function, Settings, Trigger};

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

/// Runs one rotation step, or an emergency.
///
/// # Errors
///
/// Says what is wrong. A repeat is safe.
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
