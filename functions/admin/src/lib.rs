//! `admin`: invoked directly, never through the API. It answers `{"ok": true, …}` or
//! `{"ok": false, "error": {"code", "message"}}`, so that a refused command is not a failed invocation.

mod command;

pub use command::Command;

use serde_json::{Value, json};
use shared::{
    Error, State,
    account::{Account, Credential},
    email::Email,
    event::{Cause, EventType},
    password::{Hasher, Password},
    session::Origin,
    store::{Creation, NewAccount},
};

/// What the function works with.
#[derive(Clone)]
pub struct AdminState {
    /// The table and the rest.
    pub state: State,
    /// Hashes passwords.
    pub hasher: Hasher,
}

/// A command that was not carried out: a code for programs, a sentence for people.
#[derive(Debug)]
pub struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        let error = error.into();
        tracing::error!(error = %error.report(), "the command failed");
        match error {
            Error::Store(
                shared::store::StoreError::Unavailable { .. } | shared::store::StoreError::Contended { .. },
            ) => Self::new("unavailable", "DynamoDB is unavailable: try again"),
            _ => Self::new("internal", "something went wrong: the function's log says what"),
        }
    }
}

/// Carries out one command; `request_id` goes into its audit event.
pub async fn handle(admin: &AdminState, command: Value, request_id: &str) -> Value {
    let outcome = match Command::parse(command) {
        Ok(Command::CreateUser { email, password }) => {
            create_user(admin, &email, &password, request_id).await
        }
        Ok(Command::GetUser { email }) => get_user(admin, &email).await,
        Err(refusal) => Err(refusal),
    };
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

async fn create_user(
    admin: &AdminState,
    typed: &str,
    password: &str,
    request_id: &str,
) -> Result<Value, Refusal> {
    let state = &admin.state;
    let email = parse_email(typed)?;
    let password = Password::chosen(password)
        .map_err(|error| Refusal::new("validation_failed", format!("password {error}")))?;
    let now = state.clock.now();
    let account = Account {
        user_id: state.ids.user(),
        email,
        email_as_typed: typed.trim().to_owned(),
        created_at: now,
    };
    let cause = Cause {
        at: now,
        origin: Origin::default(),
        request_id: Some(request_id.to_owned()),
        actor: Some("admin".to_owned()),
    };
    let new = NewAccount {
        event: cause.event(&state.ids, account.user_id, EventType::AccountCreated),
        credential: Credential {
            account,
            password_hash: Some(admin.hasher.hash(&password).await?),
            is_active: true,
            login_sequence: 0,
        },
    };
    match state.store.create_account(&new).await? {
        Creation::Created => Ok(json!({ "user": user(&new.credential) })),
        Creation::AlreadyExists => Err(Refusal::new(
            "already_exists",
            "this address has an account already",
        )),
    }
}

async fn get_user(admin: &AdminState, email: &str) -> Result<Value, Refusal> {
    let credential = admin.state.store.credential(&parse_email(email)?).await?;
    let credential = credential.ok_or_else(|| Refusal::new("not_found", "this address has no account"))?;
    Ok(json!({ "user": user(&credential) }))
}

fn parse_email(text: &str) -> Result<Email, Refusal> {
    Email::parse(text).map_err(|error| Refusal::new("validation_failed", format!("email {error}")))
}

fn user(credential: &Credential) -> Value {
    let account = &credential.account;
    json!({
        "id": account.user_id,
        "email": account.email_as_typed,
        "is_active": credential.is_active,
        "created_at": account.created_at.to_string(),
    })
}
