//! Passwords and their hashes: Argon2id (RFC 9106) as PHC strings, and those imported from older systems.

mod hasher;
mod imported;
mod text;

pub use hasher::{Argon2Settings, HashError, Hasher, MAX_LANES, MAX_MEMORY_KIB, MAX_WORK_KIB};
pub use imported::NotAHash;
pub use text::{MAX_CHARS, MIN_CHARS, NotAPassword, Password, PasswordHash};
