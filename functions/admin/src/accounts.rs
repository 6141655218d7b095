//! Creating, showing, disabling and enabling accounts.

use serde_json::{Value, json};
use shared::{
    domain::{
        account::{Account, Credential},
        audit::EventType,
        password::{Password, PasswordHash},
        session::RevokeReason,
    },
    store::{ChangeOutcome, CreateOutcome, CredentialChange, NewAccount},
};

use crate::{
    call::Call,
    command::{NewUser, Secret, SetPassword, Target},
    command_error::CommandError,
    find, views,
};

pub(crate) async fn create_user(call: &Call<'_>, user: &NewUser) -> Result<Value, CommandError> {
    let new = new_account(call, user).await?;
    match call.state().store.create_account(&new).await? {
        CreateOutcome::Created => Ok(json!({ "user": views::user(&new.credential) })),
        CreateOutcome::AlreadyExists => Err(CommandError::new(
            "already_exists",
            "this address has an account already",
        )),
        CreateOutcome::BeingDeleted => Err(CommandError::being_deleted()),
    }
}

/// What is written for a new account. Hashes the password, if there is one.
pub(crate) async fn new_account(call: &Call<'_>, user: &NewUser) -> Result<NewAccount, CommandError> {
    let email = find::email(&user.email)?;
    let password_hash = match (&user.password, &user.password_hash) {
        (Some(password), None) => hash(call, password).await?,
        (None, Some(hash)) => {
            PasswordHash::imported(&hash.0).map_err(|error| CommandError::field("password_hash", error))?
        }
        (None, None) => return Err(CommandError::field("password", "or password_hash is missing")),
        (Some(_), Some(_)) => {
            return Err(CommandError::field(
                "password",
                "and password_hash exclude each other: give one",
            ));
        }
    };
    let account = Account {
        user_id: call.state().ids.user(),
        email,
        email_as_typed: user.email.trim().to_owned(),
        created_at: call.context.at,
    };
    Ok(NewAccount {
        event: call
            .context
            .event(&call.state().ids, account.user_id, EventType::AccountCreated),
        credential: Credential {
            account,
            password_hash: Some(password_hash),
            is_active: true,
            deletion_began_at: None,
            login_sequence: 0,
        },
    })
}

async fn hash(call: &Call<'_>, password: &Secret) -> Result<PasswordHash, CommandError> {
    let password = Password::chosen(&password.0).map_err(|error| CommandError::field("password", error))?;
    Ok(call.admin.hasher.hash(&password).await?)
}

pub(crate) async fn get_user(call: &Call<'_>, target: &Target) -> Result<Value, CommandError> {
    let credential = find::find(call, &target.whom()?).await?;
    Ok(json!({ "user": views::user(&credential) }))
}

pub(crate) async fn set_password(call: &Call<'_>, command: &SetPassword) -> Result<Value, CommandError> {
    let credential = find::find(call, &command.whom()?).await?;
    let hash = hash(call, &command.password).await?;
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
    change_credential(call, &credential, CredentialChange::Enable).await?;
    Ok(json!({ "user": views::user(&credential) }))
}

/// Changes the credential first, which defeats every login under way, and then revokes the sessions: in the other order
/// a login in between would survive.
async fn change_and_end_sessions(
    call: &Call<'_>,
    credential: Credential,
    change: CredentialChange<'_>,
    reason: RevokeReason,
) -> Result<Value, CommandError> {
    change_credential(call, &credential, change).await?;
    let user = credential.account.user_id;
    let count = call.state().store.revoke_all(user, reason, &call.context).await?;
    Ok(json!({ "user": views::user(&credential), "sessions_ended": count }))
}

/// Makes a change, unless it was made already.
async fn change_credential(
    call: &Call<'_>,
    credential: &Credential,
    change: CredentialChange<'_>,
) -> Result<(), CommandError> {
    let store = &call.state().store;
    match store
        .change_credential(&credential.account, change, &call.context)
        .await?
    {
        ChangeOutcome::Done | ChangeOutcome::Already => Ok(()),
        ChangeOutcome::BeingDeleted => Err(CommandError::being_deleted()),
        ChangeOutcome::Gone => Err(CommandError::not_found()),
    }
}
