//! The commands.

use serde::Deserialize;
use serde_json::Value;

use crate::Refusal;

/// What `admin` is asked to do. An unknown action or field is an error that lists the known ones.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Creates an account.
    CreateUser {
        /// The address, as its owner types it.
        email: String,
        /// The password: 8 to 256 characters.
        password: String,
    },
    /// Shows an account.
    GetUser {
        /// The address.
        email: String,
    },
}

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    ///
    /// Says which action or field is missing or unknown, and lists those that there are.
    pub fn parse(value: Value) -> Result<Self, Refusal> {
        serde_json::from_value(value).map_err(|error| Refusal::new("invalid_command", error.to_string()))
    }
}
