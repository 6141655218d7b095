//! What a device is called.

mod agent;

pub use agent::device_name;

/// Most characters of a device's name or id.
pub const MAX_CHARS: usize = 255;

/// What a request says of its device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: Option<String>,
    /// Its id, which stays the same from login to login.
    pub id: Option<String>,
}

impl Device {
    /// The name to show: the one given, or else one made from the user agent.
    #[must_use]
    pub fn name_or_agent(&self, user_agent: Option<&str>) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| device_name(user_agent.unwrap_or_default()))
    }
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
