//! Passwords and their hashes, which no log shows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What `PASSWORD_MIN_LENGTH` is at least, and by default (NIST SP 800-63B-4 §3.1.1.2).
pub const MIN_CHARS: usize = 8;
/// Maximum length of any password.
pub const MAX_CHARS: usize = 256;

/// A password as its owner typed it: 1 to 256 characters, unchanged. `Debug` hides it.
#[derive(Clone)]
pub struct Password(pub(super) String);

/// Why a password was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPassword {
    /// Empty.
    #[error("must not be empty")]
    Empty,
    /// Too short (new passwords only).
    #[error("must be at least {0} characters long")]
    TooShort(usize),
    /// Over [`MAX_CHARS`].
    #[error("must be at most 256 characters long")]
    TooLong,
}

impl Password {
    /// A password presented at a login.
    ///
    /// # Errors
    ///
    /// If it is empty or over [`MAX_CHARS`].
    pub fn presented(text: &str) -> Result<Self, NotAPassword> {
        match text.chars().take(MAX_CHARS + 1).count() {
            0 => Err(NotAPassword::Empty),
            1..=MAX_CHARS => Ok(Self(text.to_owned())),
            _ => Err(NotAPassword::TooLong),
        }
    }

    /// A password chosen for an account, of at least `min_chars` characters.
    ///
    /// # Errors
    ///
    /// If it is shorter, or over [`MAX_CHARS`].
    pub fn chosen(text: &str, min_chars: usize) -> Result<Self, NotAPassword> {
        match Self::presented(text) {
            Err(NotAPassword::Empty) => Err(NotAPassword::TooShort(min_chars)),
            Ok(password) if password.0.chars().count() < min_chars => Err(NotAPassword::TooShort(min_chars)),
            other => other,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A stored password hash: a PHC string, or an imported bcrypt hash. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub(super) String);

impl PasswordHash {
    /// The text as it is stored.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_in_characters() {
        assert!(Password::chosen(&"ü".repeat(256), 8).is_ok());
        assert!(Password::chosen(&"ü".repeat(8), 8).is_ok());
        assert_eq!(
            Password::presented(&"ü".repeat(257)).unwrap_err(),
            NotAPassword::TooLong
        );
        assert_eq!(
            Password::chosen(&"ü".repeat(7), 8).unwrap_err(),
            NotAPassword::TooShort(8)
        );
        assert_eq!(
            Password::chosen("fourteen chars", 15).unwrap_err(),
            NotAPassword::TooShort(15)
        );
        assert_eq!(Password::chosen("", 8).unwrap_err(), NotAPassword::TooShort(8));
        assert_eq!(Password::presented("").unwrap_err(), NotAPassword::Empty);
        assert_eq!(
            format!("{:?}", Password::presented("hunter2").unwrap()),
            "Password(…)"
        );
    }
}
