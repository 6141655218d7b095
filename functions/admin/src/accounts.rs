//! Creating, showing, disabling and enabling accounts.

use serde_json::{Value, json};
use shared::{
    domain::{
        account::{Account, Credential},
        audit::EventType,
        clock::Millis,
        email::Email,
        ids::UserId,
        password::PasswordHash,
        session::{CLOCKS_APART, RevokeReason},
    },
    runtime::command::{AccountRef, CommandError, email},
    store::{ChangeOutcome, CreateOutcome, CredentialChange, NewAccount, StoreError},
};

use crate::{
    call::Call,
    command::{NewUser, SetPassword, Target},
    find::{self, MAX_ATTEMPTS},
    new_password, views,
};

pub(crate) async fn create_user(call: &Call<'_>, user: &NewUser) -> Result<Value, CommandError> {
    let new = new_account(call, user).await?;
    match call.state().store.create_account(&new).await? {
        CreateOutcome::Created => Ok(json!({ "user": views::user(&new.credential) })),
        CreateOutcome::AlreadyExists(_) => Err(CommandError::already_exists()),
        CreateOutcome::IdIsTaken => Err(CommandError::id_is_taken()),
        CreateOutcome::BeingDeleted => Err(CommandError::being_deleted()),
    }
}

/// What is written for a new account. Hashes the password, if there is one.
pub(crate) async fn new_account(call: &Call<'_>, user: &NewUser) -> Result<NewAccount, CommandError> {
    let email = email(&user.email)?;
    let password_hash = match (&user.password, &user.password_hash) {
        (Some(password), None) => Some(new_password::hash(call, password, &email).await?),
        (None, Some(hash)) => {
            let hash = PasswordHash::imported(&hash.0);
            Some(hash.map_err(|error| CommandError::field("password_hash", error))?)
        }
        // Whoever has none logs in with tickets.
        (None, None) => None,
        (Some(_), Some(_)) => {
            return Err(CommandError::field(
                "password",
                "and password_hash exclude each other: give one",
            ));
        }
    };
    let account = Account {
        user_id: user_id(call, user)?,
        email,
        email_as_typed: Email::shown(&user.email),
        created_at: created_at(call, user)?,
    };
    Ok(NewAccount {
        event: call
            .context
            .event(&call.state().ids, account.user_id, EventType::AccountCreated),
        credential: Credential {
            account,
            password_hash,
            is_active: user.is_active.unwrap_or(true),
            deletion_began_at: None,
            login_sequence: 0,
            tickets: Vec::new(),
        },
    })
}

fn user_id(call: &Call<'_>, user: &NewUser) -> Result<UserId, CommandError> {
    let Some(id) = &user.user_id else {
        return Ok(call.state().ids.user());
    };
    id.parse()
        .map_err(|error| CommandError::field("user_id", format!("is {error}")))
}

fn created_at(call: &Call<'_>, user: &NewUser) -> Result<Millis, CommandError> {
    let now = call.context.at;
    let Some(text) = &user.created_at else {
        return Ok(now);
    };
    match Millis::from_rfc3339(text) {
        Some(at) if at.0 >= 0 && at <= Millis(now.0 + CLOCKS_APART * 1000) => Ok(at),
        Some(_) => Err(CommandError::field(
            "created_at",
            "must be neither before 1970 nor in the future",
        )),
        None => Err(CommandError::field(
            "created_at",
            "must be a time such as 2019-03-31T08:15:00Z (RFC 3339)",
        )),
    }
}

pub(crate) async fn get_user(call: &Call<'_>, target: &Target) -> Result<Value, CommandError> {
    let credential = find::find(call, &target.whom()?).await?;
    Ok(json!({ "user": views::user(&credential) }))
}

pub(crate) async fn set_password(call: &Call<'_>, command: &SetPassword) -> Result<Value, CommandError> {
    let credential = find::find(call, &command.whom()?).await?;
    let hash = new_password::hash(call, &command.password, &credential.account.email).await?;
    let change = CredentialChange::SetPassword(&hash);
    let email = credential.account.email.clone();
    let done = change_and_end_sessions(call, credential, change, RevokeReason::PasswordChanged).await?;
    // Whoever guessed at the old password must not keep the owner from using the new one.
    call.state().limiter.forget_guesses(&email).await?;
    Ok(done)
}

pub(crate) async fn disable_user(call: &Call<'_>, target: &Target) -> Result<Value, CommandError> {
    let mut credential = find::find(call, &target.whom()?).await?;
    credential.is_active = false;
    change_and_end_sessions(
        call,
        credential,
        CredentialChange::Disable,
        RevokeReason::AccountDisabled,
    )
    .await
}

pub(crate) async fn enable_user(call: &Call<'_>, target: &Target) -> Result<Value, CommandError> {
    let mut credential = find::find(call, &target.whom()?).await?;
    credential.is_active = true;
    change_credential(call, &mut credential, CredentialChange::Enable).await?;
    Ok(json!({ "user": views::user(&credential) }))
}

/// Changes the credential first, which defeats every login under way, and then revokes the sessions: in the other order
/// a login in between would survive.
async fn change_and_end_sessions(
    call: &Call<'_>,
    mut credential: Credential,
    change: CredentialChange<'_>,
    reason: RevokeReason,
) -> Result<Value, CommandError> {
    change_credential(call, &mut credential, change).await?;
    let user = credential.account.user_id;
    let count = call.state().store.revoke_all(user, reason, &call.context).await?;
    Ok(json!({ "user": views::user(&credential), "sessions_ended": count }))
}

/// Makes a change, unless it was made already. The account may have moved to another address since `credential` was read:
/// then it is made there.
async fn change_credential(
    call: &Call<'_>,
    credential: &mut Credential,
    change: CredentialChange<'_>,
) -> Result<(), CommandError> {
    let store = &call.state().store;
    for _ in 0..MAX_ATTEMPTS {
        let changed = store.change_credential(&credential.account, change, &call.context);
        match changed.await? {
            ChangeOutcome::Done | ChangeOutcome::Already => return Ok(()),
            ChangeOutcome::BeingDeleted => return Err(CommandError::being_deleted()),
            ChangeOutcome::Gone => {
                let account = AccountRef::Id(credential.account.user_id);
                credential.account = find::find(call, &account).await?.account;
            }
        }
    }
    Err(StoreError::Contended {
        operation: "changing a credential",
    }
    .into())
}
