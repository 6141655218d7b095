//! Why a rotation stops.

use std::error::Error as StdError;

use shared::{
    auth::{KeyPairError, SignError, SigningKeysError, TokenError},
    store::StoreError,
};

/// Every cause. None shows a secret's content.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The function's secret is not configured.
    #[error("SIGNING_KEYS_SECRET_ID is not set: it names the secret with the signing keys")]
    NoSecret,
    /// Neither a step nor an emergency.
    #[error(
        "the event is neither a rotation step of Secrets Manager (Step, SecretId, ClientRequestToken) nor \
         {{\"emergency\": true}}: {0}"
    )]
    Event(#[from] serde_json::Error),
    /// Secrets Manager rotates another secret with this function.
    #[error("this function rotates the secret {expected}, not {found}")]
    OtherSecret {
        /// Ours.
        expected: String,
        /// The event's.
        found: String,
    },
    /// Rotation is disabled.
    #[error("rotation is not enabled for the secret {0}")]
    Disabled(String),
    /// The event's version is not the pending one.
    #[error(
        "the version {0} is not labelled AWSPENDING: its rotation is over, or another one took its place"
    )]
    NotPending(String),
    /// The event's version has no keys, although createSecret should have made them.
    #[error("the version {0} has no value: createSecret comes first")]
    NoValue(String),
    /// The value is neither keys nor `{}`. It is left as it is.
    #[error("the version {version} of the secret holds no signing keys; it is left as it is")]
    Unreadable {
        /// Which version.
        version: String,
        /// What is wrong with it.
        source: SigningKeysError,
    },
    /// The rotation does not follow the current keys.
    #[error(
        "the version {0} does not follow the present keys: they were replaced while it was being made. Its rotation \
         is void; start a new one"
    )]
    Void(String),
    /// The keys' tokens could not be verified.
    #[error("the key {0} is not published as a signing key: setSecret comes first")]
    NotPublished(String),
    /// A new key's token did not verify.
    #[error("a token of the key {kid} does not verify")]
    Test {
        /// Which key.
        kid: String,
        /// Why not.
        source: TokenError,
    },
    /// Signing failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Key generation failed.
    #[error("no key could be made")]
    Generate(#[from] KeyPairError),
    /// Others kept changing the secret or the published set.
    #[error("the secret or the published keys kept changing: try again")]
    Contended,
    /// Secrets Manager refused or is unreachable.
    #[error("Secrets Manager: {operation} failed")]
    Secret {
        /// The API operation.
        operation: &'static str,
        /// The SDK's error.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
}
