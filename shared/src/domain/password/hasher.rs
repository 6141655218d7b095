//! Hashing and verifying, off the async thread.

use std::sync::{Arc, Mutex, TryLockError};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{self, phc},
};

use super::text::{Password, PasswordHash};
use crate::domain::{error::Error, ids::Ids};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Why a password could not be hashed or verified. Never caused by what was typed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The stored hash cannot be read.
    #[error("the stored password hash is not a PHC string that Argon2 can verify: {0}")]
    Stored(password_hash::Error),
    /// The stored bcrypt hash cannot be read.
    #[error("the stored password hash is not one that bcrypt can verify: {0}")]
    StoredBcrypt(bcrypt::BcryptError),
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

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        Self::Internal(error.into())
    }
}

/// Argon2id's cost (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Settings {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// Hashes and verifies passwords on tokio's blocking threads. Clones share memory.
#[derive(Clone)]
pub struct Hasher {
    params: Params,
    ids: Ids,
    dummy: Arc<PasswordHash>,
    memory: Arc<Memory>,
}

impl Hasher {
    /// # Errors
    ///
    /// If Argon2 rejects the settings.
    pub fn new(settings: Argon2Settings, ids: Ids) -> Result<Self, HashError> {
        let Argon2Settings {
            memory_kib,
            iterations,
            parallelism,
        } = settings;
        let params = Params::new(memory_kib, iterations, parallelism, Some(HASH_BYTES))
            .map_err(HashError::Parameters)?;
        let dummy = phc_string(&params, &ids.bytes(), &ids.bytes()).map_err(HashError::Failed)?;
        Ok(Self {
            memory: Arc::new(Memory::for_params(&params)),
            params,
            ids,
            dummy: Arc::new(dummy),
        })
    }

    /// Hashes a password with a fresh 128-bit salt.
    ///
    /// # Errors
    ///
    /// If Argon2 or its thread fails.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        let (params, memory) = (self.params.clone(), Arc::clone(&self.memory));
        let (salt, password) = (self.ids.bytes::<SALT_BYTES>(), password.clone());
        blocking(move || {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
            let mut output = [0; HASH_BYTES];
            memory
                .hash(&argon2, &password, &salt, &mut output)
                .and_then(|()| phc_string(&params, &salt, &output))
                .map_err(HashError::Failed)
        })
        .await
    }

    /// Whether `password` matches `stored`.
    ///
    /// Without a stored hash (unknown address, or an account without a password) it does the same work on a
    /// dummy of the configured cost and returns `false`: timing reveals nothing.
    ///
    /// # Errors
    ///
    /// If the stored hash cannot be read, or Argon2 or its thread fails.
    pub async fn verify(
        &self,
        password: &Password,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, HashError> {
        let known = stored.is_some();
        let (password, stored) = (password.clone(), stored.unwrap_or(&self.dummy).clone());
        let memory = Arc::clone(&self.memory);
        let matches = blocking(move || {
            if stored.is_bcrypt() {
                verify_bcrypt(&password, &stored)
            } else {
                verify_argon2(&memory, &password, &stored).map_err(HashError::Stored)
            }
        })
        .await?;
        Ok(known && matches)
    }

    /// Whether a stored hash is weaker than those of [`Hasher::hash`]: another algorithm or version, or less
    /// memory, fewer passes or lanes, or a shorter salt or hash.
    #[must_use]
    pub fn is_outdated(&self, stored: &PasswordHash) -> bool {
        let Ok(hash) = phc::PasswordHash::new(&stored.0) else {
            return true;
        };
        let Ok(params) = Params::try_from(&hash) else {
            return true;
        };
        hash.algorithm != Algorithm::Argon2id.ident()
            || hash.version != Some(Version::V0x13.into())
            || params.m_cost() < self.params.m_cost()
            || params.t_cost() < self.params.t_cost()
            || params.p_cost() < self.params.p_cost()
            || hash.salt.is_none_or(|salt| salt.len() < SALT_BYTES)
            || hash.hash.is_none_or(|output| output.len() < HASH_BYTES)
    }
}

/// Argon2's working memory, reused from hash to hash: allocating it each time would take a third of the hash's time,
/// and the allocator would keep several of them (`docs/performance.md`).
struct Memory {
    blocks: Mutex<Vec<Block>>,
    /// How many to keep: what our own hashes need.
    kept: usize,
}

impl Memory {
    fn for_params(params: &Params) -> Self {
        Self {
            blocks: Mutex::default(),
            kept: params.block_count(),
        }
    }

    /// Computes a hash. A concurrent one allocates its own memory.
    fn hash(
        &self,
        argon2: &Argon2<'_>,
        password: &Password,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), password_hash::Error> {
        let needed = argon2.params().block_count();
        let mut own = Vec::new();
        let mut kept = match self.blocks.try_lock() {
            Ok(kept) if needed <= self.kept => Some(kept),
            // Argon2 writes each block before reading it, so what a panic left is harmless.
            Err(TryLockError::Poisoned(kept)) if needed <= self.kept => Some(kept.into_inner()),
            Ok(_) | Err(_) => None,
        };
        let blocks = kept.as_deref_mut().unwrap_or(&mut own);
        if blocks.len() < needed {
            blocks.resize(needed, Block::default());
        }
        argon2.hash_password_into_with_memory(password.0.as_bytes(), salt, output, &mut blocks[..needed])?;
        Ok(())
    }
}

/// The PHC string of an Argon2id hash.
fn phc_string(
    params: &Params,
    salt: &[u8; SALT_BYTES],
    output: &[u8; HASH_BYTES],
) -> Result<PasswordHash, password_hash::Error> {
    let hash = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: params.try_into()?,
        salt: Some(phc::Salt::new(salt)?),
        hash: Some(phc::Output::new(output)?),
    };
    Ok(PasswordHash(hash.to_string()))
}

fn verify_argon2(
    memory: &Memory,
    password: &Password,
    stored: &PasswordHash,
) -> Result<bool, password_hash::Error> {
    let hash = phc::PasswordHash::new(&stored.0)?;
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
        return Ok(false);
    };
    let version = hash.version.map(Version::try_from).transpose()?;
    let argon2 = Argon2::new(
        Algorithm::try_from(hash.algorithm.as_str())?,
        version.unwrap_or_default(),
        Params::try_from(&hash)?,
    );
    let mut output = vec![0; expected.len()];
    memory.hash(&argon2, password, &salt, &mut output)?;
    // `Output` compares in constant time.
    Ok(phc::Output::new(&output)? == expected)
}

/// bcrypt reads only the first 72 bytes of a password, as did the system that made the hash.
fn verify_bcrypt(password: &Password, stored: &PasswordHash) -> Result<bool, HashError> {
    let matches = bcrypt::verify(&password.0, &stored.0).map_err(HashError::StoredBcrypt)?;
    // bcrypt ends a password at NUL and repeats the key: without this, "a\0a" would match "a".
    Ok(matches && !password.0.contains('\0'))
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
        let right = Password::presented("correct horse").unwrap();
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
    async fn hashes_at_once_and_of_any_size_do_not_disturb_each_other() {
        let hasher = hasher();
        let larger = Hasher::new(
            Argon2Settings {
                memory_kib: 256,
                iterations: 1,
                parallelism: 2,
            },
            Ids::system(),
        )
        .unwrap();
        let password = |number: usize| Password::presented(&format!("a password {number}")).unwrap();
        let mut stored = Vec::new();
        for number in 0..8 {
            let by = if number % 2 == 0 { &hasher } else { &larger };
            stored.push(by.hash(&password(number)).await.unwrap());
        }
        let checks = (0..64).map(|number| {
            let (hasher, hash) = (hasher.clone(), stored[number % 8].clone());
            let typed = password(if number < 32 { number % 8 } else { 8 });
            tokio::spawn(async move { hasher.verify(&typed, Some(&hash)).await.unwrap() })
        });
        for (number, check) in checks.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(check.await.unwrap(), number < 32, "{number}");
        }
    }

    #[tokio::test]
    async fn the_dummy_costs_what_a_real_hash_costs() {
        let hasher = hasher();
        let real = hasher
            .hash(&Password::presented("correct horse").unwrap())
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

    #[tokio::test]
    async fn bcrypt_hashes_of_other_implementations_are_verified() {
        // From crypt_blowfish's own tests, then from Python's bcrypt.
        let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let beyond = format!("{long}chars after 72 are ignored");
        let hash_of_long = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
        for (password, stored) in [
            (
                "U*U",
                "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            ),
            (
                "U*U*",
                "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
            ),
            (long, hash_of_long),
            (&beyond, hash_of_long),
            (
                "correct horse battery staple",
                "$2b$05$iX65k7tksf3FNXZbsnxfVeUmEK4OI.M6UOPtKlaU42JMH0kDAQqmu",
            ),
            (
                "pässwörter",
                "$2y$05$CQP/m8qPonOLc88N7R2naOemArDsyu/SO3/LTZrPj3ayWvLIwdftC",
            ),
        ] {
            let stored = PasswordHash::imported(stored).unwrap();
            let verify = async |text: &str| {
                let password = Password::presented(text).unwrap();
                hasher().verify(&password, Some(&stored)).await.unwrap()
            };
            assert!(verify(password).await, "{password}");
            assert!(!verify(&format!("-{password}")).await, "{password}");
            assert!(!verify(&password[1..]).await, "{password}");
            assert!(hasher().is_outdated(&stored));
        }
    }

    #[tokio::test]
    async fn a_nul_neither_ends_a_password_nor_repeats_it() {
        let stored = PasswordHash::imported("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
        let stored = stored.unwrap();
        assert!(
            bcrypt::verify("U*U\0U*U", stored.as_str()).unwrap(),
            "what is guarded against"
        );
        for text in ["U*U\0", "U*U\0U*U", "U*U\0U"] {
            let password = Password::presented(text).unwrap();
            assert!(
                !hasher().verify(&password, Some(&stored)).await.unwrap(),
                "{text:?}"
            );
        }
    }

    #[tokio::test]
    async fn only_what_is_weaker_than_configured_is_outdated() {
        let hasher = hasher();
        let own = hasher
            .hash(&Password::presented("correct horse").unwrap())
            .await
            .unwrap();
        assert!(!hasher.is_outdated(&own));
        let with = |from: &str, to: &str| PasswordHash(own.0.replace(from, to));
        for stronger in [with("m=64", "m=65"), with("t=1", "t=2"), with("p=1", "p=2")] {
            assert!(!hasher.is_outdated(&stronger), "{}", stronger.as_str());
        }
        let mut parts: Vec<_> = own.0.split('$').collect();
        parts[4] = "c2hvcnRzYWx0";
        for weaker in [
            with("m=64", "m=63"),
            with("argon2id", "argon2i"),
            with("v=19", "v=16"),
            with("$v=19", ""),
            PasswordHash(parts.join("$")),
            PasswordHash(own.0[..own.0.len() - 4].to_owned()),
            PasswordHash("hunter2".to_owned()),
        ] {
            assert!(hasher.is_outdated(&weaker), "{}", weaker.as_str());
        }
        let settings = Argon2Settings {
            memory_kib: 64,
            iterations: 2,
            parallelism: 2,
        };
        let raised = Hasher::new(settings, Ids::system()).unwrap();
        for weaker in [with("t=1,p=1", "t=2,p=1"), with("t=1,p=1", "t=1,p=2")] {
            assert!(raised.is_outdated(&weaker), "{}", weaker.as_str());
        }
    }
}
