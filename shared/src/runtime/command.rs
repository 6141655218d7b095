//! What functions have in common that are invoked with commands, directly and never through the API: how a command names
//! an account, and what it is answered. A refused command is not a failed invocation.

use serde_json::{Value, json};

use crate::domain::{email::Email, error::Error, ids::UserId};

/// Why a command was refused: a code for programs, a sentence for people.
#[derive(Debug)]
pub struct CommandError {
    /// For programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl CommandError {
    /// A refusal of this code.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// An invalid field; `problem` continues a sentence that begins with the field's name.
    #[must_use]
    pub fn field(field: &str, problem: impl std::fmt::Display) -> Self {
        Self::new("validation_failed", format!("{field} {problem}"))
    }

    /// No such account.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new("not_found", "there is no such account")
    }

    /// An address that has an account.
    #[must_use]
    pub fn already_exists() -> Self {
        Self::new("already_exists", "this address has an account already")
    }

    /// An id that has an account.
    #[must_use]
    pub fn id_is_taken() -> Self {
        Self::new("already_exists", "this user_id is the id of another account")
    }

    /// An account that is being deleted.
    #[must_use]
    pub fn being_deleted() -> Self {
        Self::new(
            "being_deleted",
            "the account is being deleted: repeat delete_user if that was cut off",
        )
    }
}

impl<E: Into<Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        let error = error.into();
        tracing::error!(error = %error.report(), "the command failed");
        match error {
            Error::Unavailable(_) => Self::new("unavailable", "DynamoDB is unavailable: repeat the command"),
            _ => Self::new("internal", "something went wrong: the function's log says what"),
        }
    }
}

/// How a command names an account.
#[derive(Clone, Debug)]
pub enum AccountRef {
    /// By its address.
    Address(Email),
    /// By its id.
    Id(UserId),
}

impl AccountRef {
    /// Reads the two fields that name an account.
    ///
    /// # Errors
    ///
    /// Unless exactly one is given, and valid.
    pub fn parse(address: Option<&str>, user_id: Option<&str>) -> Result<Self, CommandError> {
        match (address, user_id) {
            (Some(address), None) => Ok(Self::Address(email(address)?)),
            (None, Some(id)) => match id.parse() {
                Ok(id) => Ok(Self::Id(id)),
                Err(error) => Err(CommandError::field("user_id", format!("is {error}"))),
            },
            (None, None) => Err(CommandError::field("email", "or user_id must say whose account")),
            (Some(_), Some(_)) => Err(CommandError::field(
                "email",
                "and user_id exclude each other: give one",
            )),
        }
    }
}

/// Reads an address.
///
/// # Errors
///
/// If it is not valid.
pub fn email(text: &str) -> Result<Email, CommandError> {
    Email::parse(text).map_err(|error| CommandError::field("email", error))
}

/// `{"ok": true, …}` or `{"ok": false, "error": {"code", "message"}}`.
#[must_use]
pub fn answer(outcome: Result<Value, CommandError>) -> Value {
    match outcome {
        Ok(mut answer) => {
            answer["ok"] = true.into();
            answer
        }
        Err(refusal) => {
            json!({ "ok": false, "error": { "code": refusal.code, "message": refusal.message } })
        }
    }
}
