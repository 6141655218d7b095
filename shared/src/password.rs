//! Passwords and their hashes: Argon2id (RFC 9106) as PHC strings, off the async thread.

use std::{fmt, sync::Arc};

use argon2::{
    Algorithm, Argon2, CustomizedPasswordHasher, Params, PasswordVerifier, Version,
    password_hash::{self, phc},
};
use serde::{Deserialize, Serialize};

use crate::ids::Ids;

/// Fewest characters of a new password (NIST SP 800-63B-4 §3.1.1.2 with another factor or rate limits).
pub const MIN_CHARS: usize = 8;
/// Most characters of any password.
pub const MAX_CHARS: usize = 256;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// A password as its owner typed it: 1 to 256 characters, taken as they are. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Password(String);

/// Why a text is no password that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPassword {
    /// Empty.
    #[error("must not be empty")]
    Empty,
    /// Under [`MIN_CHARS`] (new passwords only).
    #[error("must be at least 8 characters long")]
    TooShort,
    /// Over [`MAX_CHARS`].
    #[error("must be at most 256 characters long")]
    TooLong,
}

impl Password {
    /// A password presented at a login.
    ///
    /// # Errors
    ///
    /// When it is empty or over [`MAX_CHARS`].
    pub fn presented(text: &str) -> Result<Self, NotAPassword> {
        match text.chars().take(MAX_CHARS + 1).count() {
            0 => Err(NotAPassword::Empty),
            1..=MAX_CHARS => Ok(Self(text.to_owned())),
            _ => Err(NotAPassword::TooLong),
        }
    }

    /// A password chosen for an account.
    ///
    /// # Errors
    ///
    /// When it is under [`MIN_CHARS`] or over [`MAX_CHARS`].
    pub fn chosen(text: &str) -> Result<Self, NotAPassword> {
        match Self::presented(text) {
            Err(NotAPassword::Empty) => Err(NotAPassword::TooShort),
            Ok(password) if password.0.chars().count() < MIN_CHARS => Err(NotAPassword::TooShort),
            other => other,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A stored password hash, a PHC string. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The PHC string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Why a password could not be hashed or compared: never the fault of who typed it.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The stored hash cannot be read.
    #[error("the stored password hash is not a PHC string that Argon2 can verify: {0}")]
    Stored(password_hash::Error),
    /// The parameters are out of Argon2's range.
    #[error(
        "Argon2 refuses its parameters (see ARGON2_MEMORY_KIB, ARGON2_ITERATIONS, ARGON2_PARALLELISM): {0}"
    )]
    Parameters(argon2::Error),
    /// Argon2 failed.
    #[error("Argon2 failed: {0}")]
    Failed(password_hash::Error),
    /// The hashing thread died.
    #[error("the hashing thread died: {0}")]
    Thread(tokio::task::JoinError),
}

/// What Argon2id may use (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Settings {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// Hashes and compares passwords on tokio's blocking threads.
#[derive(Clone)]
pub struct Hasher {
    params: Params,
    ids: Ids,
    dummy: Arc<PasswordHash>,
}

impl Hasher {
    /// # Errors
    ///
    /// When Argon2 refuses the settings.
    pub fn new(settings: Argon2Settings, ids: Ids) -> Result<Self, HashError> {
        let Argon2Settings {
            memory_kib,
            iterations,
            parallelism,
        } = settings;
        let params = Params::new(memory_kib, iterations, parallelism, Some(HASH_BYTES))
            .map_err(HashError::Parameters)?;
        let dummy = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: (&params).try_into().map_err(HashError::Failed)?,
            salt: Some(phc::Salt::new(&ids.bytes::<SALT_BYTES>()).map_err(|e| HashError::Failed(e.into()))?),
            hash: Some(
                phc::Output::new(&ids.bytes::<HASH_BYTES>()).map_err(|e| HashError::Failed(e.into()))?,
            ),
        };
        Ok(Self {
            params,
            ids,
            dummy: Arc::new(PasswordHash(dummy.to_string())),
        })
    }

    /// Hashes a password with a fresh salt of 128 bits.
    ///
    /// # Errors
    ///
    /// When Argon2 or its thread fails.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        let (params, salt, password) = (
            self.params.clone(),
            self.ids.bytes::<SALT_BYTES>(),
            password.clone(),
        );
        blocking(move || {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
            let hash: phc::PasswordHash = argon2
                .hash_password_customized(password.0.as_bytes(), &salt, None, None, params)
                .map_err(HashError::Failed)?;
            Ok(PasswordHash(hash.to_string()))
        })
        .await
    }

    /// Whether `password` is the one behind `stored`.
    ///
    /// Without a stored hash (unknown address, or an account without a password) it does the same work on a
    /// dummy of the configured cost and answers `false`: time tells nothing.
    ///
    /// # Errors
    ///
    /// When the stored hash cannot be read, or Argon2 or its thread fails.
    pub async fn verify(
        &self,
        password: &Password,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, HashError> {
        let known = stored.is_some();
        let (password, stored) = (password.clone(), stored.unwrap_or(&self.dummy).clone());
        let matches = blocking(move || {
            let hash = phc::PasswordHash::new(&stored.0).map_err(|e| HashError::Stored(e.into()))?;
            match Argon2::default().verify_password(password.0.as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(HashError::Stored(error)),
            }
        })
        .await?;
        Ok(known && matches)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
) -> Result<T, HashError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(HashError::Thread)?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> Hasher {
        let settings = Argon2Settings {
            memory_kib: 64,
            iterations: 1,
            parallelism: 1,
        };
        Hasher::new(settings, Ids::system()).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_matches() {
        let hasher = hasher();
        let right = Password::chosen("correct horse").unwrap();
        let hash = hasher.hash(&right).await.unwrap();
        assert!(
            hash.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"),
            "{}",
            hash.as_str()
        );
        assert!(hasher.verify(&right, Some(&hash)).await.unwrap());
        assert!(
            !hasher
                .verify(&Password::presented("Correct horse").unwrap(), Some(&hash))
                .await
                .unwrap()
        );
        assert!(!hasher.verify(&right, None).await.unwrap());
    }

    #[tokio::test]
    async fn the_dummy_costs_what_a_real_hash_costs() {
        let hasher = hasher();
        let real = hasher
            .hash(&Password::chosen("correct horse").unwrap())
            .await
            .unwrap();
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(hasher.dummy.as_str()), cost(real.as_str()));
        assert_eq!(hasher.dummy.as_str().len(), real.as_str().len());
    }

    #[tokio::test]
    async fn an_unreadable_stored_hash_is_an_error_not_a_wrong_password() {
        let stored = PasswordHash("hunter2".to_owned());
        let verdict = hasher()
            .verify(&Password::presented("hunter2").unwrap(), Some(&stored))
            .await;
        assert!(matches!(verdict, Err(HashError::Stored(_))));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(Password::chosen(&"ü".repeat(256)).is_ok());
        assert_eq!(
            Password::presented(&"ü".repeat(257)).unwrap_err(),
            NotAPassword::TooLong
        );
        assert_eq!(Password::chosen("sevenly").unwrap_err(), NotAPassword::TooShort);
        assert_eq!(Password::chosen("").unwrap_err(), NotAPassword::TooShort);
        assert_eq!(Password::presented("").unwrap_err(), NotAPassword::Empty);
        assert_eq!(
            format!("{:?}", Password::presented("hunter2").unwrap()),
            "Password(…)"
        );
    }
}
