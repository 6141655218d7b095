//! A device's name and id.

/// Maximum length of a device's name or id.
pub const MAX_CHARS: usize = 255;

/// The device a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: Option<String>,
    /// Its id, the same at each login.
    pub id: Option<String>,
}

/// Checks a device's name or id.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_text(text: &str) -> Result<String, &'static str> {
    if text.chars().take(MAX_CHARS + 1).count() > MAX_CHARS {
        Err("must be at most 255 characters long")
    } else if text.chars().any(char::is_control) {
        Err("must not contain control characters")
    } else {
        Ok(text.to_owned())
    }
}
