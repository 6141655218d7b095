//! Why commands are refused or fail.

use shared::Error;

/// Why a command was refused: a code for programs, a sentence for people.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub code: &'static str,
    pub message: String,
}

impl CommandError {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// An invalid field; `problem` continues a sentence that begins with the field's name.
    pub fn field(field: &str, problem: impl std::fmt::Display) -> Self {
        Self::new("validation_failed", format!("{field} {problem}"))
    }

    pub fn not_found() -> Self {
        Self::new("not_found", "there is no such account")
    }

    pub fn already_exists() -> Self {
        Self::new("already_exists", "this address has an account already")
    }

    pub fn id_is_taken() -> Self {
        Self::new("already_exists", "this user_id is the id of another account")
    }

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
