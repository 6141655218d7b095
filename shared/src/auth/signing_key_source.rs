//! Where the private keys are kept.

use std::path::PathBuf;

use aws_sdk_secretsmanager::Client;

use super::{
    secret::read_secret,
    signing_keys::{SigningKeys, SigningKeysError},
};

/// Where a function reads its signing keys.
#[derive(Clone, Debug)]
pub enum SigningKeySource {
    /// A local file.
    File(PathBuf),
    /// An AWS Secrets Manager secret, by name or ARN.
    Secret {
        /// The service.
        client: Client,
        /// Which secret.
        id: String,
    },
}

/// Why there are no keys. Never shows what was read.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeySourceError {
    /// The file cannot be read.
    #[error("SIGNING_KEYS_FILE: {path} cannot be read")]
    File {
        /// Which file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The secret cannot be read.
    #[error("SIGNING_KEYS_SECRET_ID: the secret {id} cannot be read")]
    Secret {
        /// Which secret.
        id: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It has no keys yet.
    #[error("there are no signing keys in {place} yet: the secret's first rotation makes them")]
    Empty {
        /// Where.
        place: String,
    },
    /// It holds no valid signing keys.
    #[error("the signing keys in {place} cannot be used")]
    Content {
        /// Where they are.
        place: String,
        /// What is wrong.
        source: SigningKeysError,
    },
}

impl SigningKeySource {
    /// Reads the keys.
    ///
    /// # Errors
    ///
    /// Says what cannot be read or what is wrong with it.
    pub async fn read(&self) -> Result<SigningKeys, SigningKeySourceError> {
        let (place, text) = match self {
            Self::File(path) => {
                let place = path.display().to_string();
                match std::fs::read_to_string(path) {
                    Ok(text) => (place, text),
                    Err(source) => return Err(SigningKeySourceError::File { path: place, source }),
                }
            }
            Self::Secret { client, id } => match read_secret(client, id).await {
                Ok(Some(text)) => (id.clone(), text),
                Ok(None) => return Err(SigningKeySourceError::Empty { place: id.clone() }),
                Err(source) => {
                    return Err(SigningKeySourceError::Secret {
                        id: id.clone(),
                        source,
                    });
                }
            },
        };
        match SigningKeys::parse(&text) {
            Ok(Some(keys)) => Ok(keys),
            Ok(None) => Err(SigningKeySourceError::Empty { place }),
            Err(source) => Err(SigningKeySourceError::Content { place, source }),
        }
    }
}
