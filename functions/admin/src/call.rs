//! A running command and its dependencies.

use shared::{
    State,
    domain::{audit::AuditContext, clock::Millis, password::Hasher},
    runtime::command::CommandError,
};

/// How long before its deadline an invocation begins nothing new, in milliseconds.
pub(crate) const TIME_KEPT: i64 = 10_000;

/// The function's dependencies.
#[derive(Clone)]
pub struct AdminState {
    /// The shared state.
    pub state: State,
    /// Hashes passwords.
    pub hasher: Hasher,
}

/// One invocation of the function.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// Recorded in audit events.
    pub request_id: &'a str,
    /// When Lambda ends the function, if it does.
    pub deadline: Option<Millis>,
}

/// A running command.
pub(crate) struct Call<'a> {
    pub admin: &'a AdminState,
    pub context: AuditContext,
    pub stop_at: Option<Millis>,
}

impl Call<'_> {
    pub fn state(&self) -> &State {
        &self.admin.state
    }

    /// Refuses to begin what might not finish in time.
    pub fn check_time(&self) -> Result<(), CommandError> {
        match self.stop_at {
            Some(stop_at) if self.state().clock.now() >= stop_at => Err(CommandError::new(
                "unfinished",
                "the function's time is nearly over: repeat the command to go on",
            )),
            _ => Ok(()),
        }
    }
}
