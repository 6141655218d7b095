//! Names from user agents.

/// A device name.
#[must_use]
pub fn device_name(_agent: &str) -> String {
    "Unknown Device".to_owned()
}
