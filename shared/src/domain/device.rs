//! A device's name and id.

use crate::domain::text;

/// Maximum length of a device's name or id, in characters.
pub const MAX_CHARS: usize = 255;

/// The device a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: Option<String>,
    /// Its id, the same at each login.
    pub id: Option<String>,
}

/// A device's name as it can be shown: [`text::shown`]. A name is cosmetic, so whatever is wrong with it is taken out.
#[must_use]
pub fn name(text: &str) -> Option<String> {
    text::shown(text, MAX_CHARS)
}

/// Checks a device's id. It decides which session a login supersedes, so that one that does not fit is an error.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_id(text: &str) -> Result<String, &'static str> {
    if text.chars().take(MAX_CHARS + 1).count() > MAX_CHARS {
        Err("must be at most 255 characters long")
    } else if text.chars().any(char::is_control) {
        Err("must not contain control characters")
    } else {
        Ok(text.to_owned())
    }
}
