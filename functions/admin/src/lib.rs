//! `admin`: invoked directly, never through the API. It answers `{"ok": true, …}` or
//! `{"ok": false, "error": {"code", "message"}}`, so that a refused command is not a failed invocation.
//!
//! Every command can be repeated: after a crash or a lost answer, the same command finishes the work.

mod accounts;
mod call;
mod change_email;
mod command;
mod delete;
mod find;
mod import;
mod new_password;
mod sessions;
mod views;

use serde_json::Value;
use shared::{
    domain::{audit::AuditContext, clock::Millis, session::Origin},
    runtime::{
        Function, Settings, Trigger,
        command::{CommandError, answer},
    },
};

pub use call::{AdminState, Invocation};
use call::{Call, TIME_KEPT};
use command::{Action, Command};
pub use import::MAX_USERS;

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Invoked {
        by: "operators, since it asks for no password",
        samples: &[
            "activity",
            "create_user",
            "delete_user",
            "disable_user",
            "enable_user",
            "get_user",
            "import_users",
            "list_sessions",
            "revoke_all_sessions",
            "revoke_session",
            "set_password",
            "change_email",
        ],
    },
    settings: &[Settings::Passwords, Settings::NewPasswords],
    connections: 0,
};

/// Runs one command.
pub async fn handle(admin: &AdminState, command: Value, invocation: Invocation<'_>) -> Value {
    match Command::parse(command) {
        Ok(command) => answer(run(admin, command, invocation).await),
        Err(refusal) => answer(Err(refusal)),
    }
}

async fn run(
    admin: &AdminState,
    command: Command,
    invocation: Invocation<'_>,
) -> Result<Value, CommandError> {
    let now = admin.state.clock.now();
    let call = &Call {
        admin,
        context: AuditContext {
            at: now,
            origin: Origin::default(),
            request_id: Some(invocation.request_id.to_owned()),
            actor: Some(command.actor),
        },
        stop_at: invocation.deadline.map(|deadline| Millis(deadline.0 - TIME_KEPT)),
    };
    match command.action {
        Action::CreateUser(user) => accounts::create_user(call, &user).await,
        Action::ImportUsers(import) => import::import_users(call, import.users).await,
        Action::SetPassword(command) => accounts::set_password(call, &command).await,
        Action::ChangeEmail(command) => change_email::change_email(call, &command).await,
        Action::DisableUser(target) => accounts::disable_user(call, &target).await,
        Action::EnableUser(target) => accounts::enable_user(call, &target).await,
        Action::DeleteUser(target) => delete::delete_user(call, &target).await,
        Action::GetUser(target) => accounts::get_user(call, &target).await,
        Action::ListSessions(target) => sessions::list_sessions(call, &target).await,
        Action::RevokeSession(command) => sessions::revoke_session(call, &command).await,
        Action::RevokeAllSessions(target) => sessions::revoke_all_sessions(call, &target).await,
        Action::Activity(page) => sessions::activity(call, &page).await,
    }
}
