//! Hashing and verifying, off the async thread.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{self, phc},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::text::{Password, PasswordHash};
use crate::domain::{error::Error, ids::Ids};

/// The largest `ARGON2_MEMORY_KIB`: a hash must fit into the `login` function's memory with everything else.
pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// The most memory in all passes of a hash together, in KiB: about a second on a full core. A login may compute two, and has
/// eight seconds on a core that may be half as fast.
pub const MAX_WORK_KIB: u64 = 1024 * 1024;
/// Lanes, which are computed one after the other.
pub const MAX_LANES: u32 = 16;

/// What a bcrypt hash takes, measured in Argon2's KiB: so many times two to the power of its cost. From `login-timing`.
const BCRYPT_WORK_KIB: u64 = 61;

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

/// Hashes and verifies passwords on tokio's blocking threads, one at a time in a process: others wait, and who has waited for
/// too long gets the 503 of any request that takes too long. A hash whose request was given up still keeps the turn until it
/// ends, so that what nobody waits for cannot pile up its memory. Clones share turn and memory.
#[derive(Clone)]
pub struct Hasher {
    params: Params,
    ids: Ids,
    dummy: Arc<PasswordHash>,
    memory: Arc<Memory>,
    turn: Arc<Semaphore>,
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
            turn: Arc::new(Semaphore::new(1)),
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
        self.in_turn(move || {
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
    /// dummy of the configured cost and returns `false`: timing reveals nothing. If the stored hash is cheaper than the
    /// configured ones, a wrong password takes the difference besides. (One that is dearer takes longer.)
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
        let (memory, missing) = (Arc::clone(&self.memory), self.missing_work(&stored));
        let compared = self.in_turn(move || {
            let matches = if stored.is_bcrypt() {
                verify_bcrypt(&password, &stored)?
            } else {
                verify_argon2(&memory, &password, &stored).map_err(HashError::Stored)?
            };
            if let Some(missing) = missing.filter(|_| !matches) {
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, missing);
                let mut output = [0; HASH_BYTES];
                memory
                    .hash(&argon2, &password, &[0; SALT_BYTES], &mut output)
                    .map_err(HashError::Failed)?;
            }
            Ok(matches)
        });
        // Awaited in any case: it is the work that hides which addresses exist.
        let matches = compared.await?;
        Ok(known && matches)
    }

    /// What a hash of the configured cost takes more than this one, as a hash of its own; `None` if it is nothing.
    fn missing_work(&self, stored: &PasswordHash) -> Option<Params> {
        let passes = u64::from(self.params.t_cost());
        let configured = u64::from(self.params.m_cost()) * passes;
        let missing = configured.checked_sub(work(stored)?)? / passes;
        let least = u64::from(Params::MIN_M_COST);
        let memory = u32::try_from(missing)
            .ok()
            .filter(|kib| u64::from(*kib) >= least)?;
        Params::new(memory, self.params.t_cost(), 1, Some(HASH_BYTES)).ok()
    }

    /// Runs `work` when no other hash is being computed.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn: OwnedSemaphorePermit = turn.expect("nobody closes the semaphore");
        let work = move || {
            let outcome = work();
            drop(turn);
            outcome
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(HashError::Thread)?
    }

    /// Whether a stored hash differs from those of [`Hasher::hash`], whether it is weaker or stronger: another algorithm or
    /// version, other memory, passes or lanes, or a shorter salt or hash.
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
            || params.m_cost() != self.params.m_cost()
            || params.t_cost() != self.params.t_cost()
            || params.p_cost() != self.params.p_cost()
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

    /// Computes a hash. One that needs more than is kept allocates its own memory.
    fn hash(
        &self,
        argon2: &Argon2<'_>,
        password: &Password,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), password_hash::Error> {
        let needed = argon2.params().block_count();
        let mut own = Vec::new();
        // Argon2 writes each block before reading it, so what a panic left is harmless.
        let mut kept = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let blocks = if needed <= self.kept { &mut *kept } else { &mut own };
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

/// What verifying a hash takes, in KiB of Argon2's memory times its passes; `None` if it cannot be read.
fn work(stored: &PasswordHash) -> Option<u64> {
    if stored.is_bcrypt() {
        let parts: bcrypt::HashParts = stored.0.parse().ok()?;
        return BCRYPT_WORK_KIB.checked_mul(1_u64.checked_shl(parts.get_cost())?);
    }
    let params = Params::try_from(&phc::PasswordHash::new(&stored.0).ok()?).ok()?;
    Some(u64::from(params.m_cost()) * u64::from(params.t_cost()))
}

#[cfg(test)]
#[path = "hasher_tests.rs"]
mod tests;
