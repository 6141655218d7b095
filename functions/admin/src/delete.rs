//! `delete_user`: deletes everything of an account, and nothing of any other.
//!
//! In this order, so that every account that can log in can be found, and every one found can be deleted:
//!
//! 1. The credential loses its password and is marked, with an event. From now on nobody can log in, no other command
//!    changes the account, a login treats its address as unknown, and the address stays taken.
//! 2. The sessions are deleted, then the events.
//! 3. Credential and profile are deleted together, which frees the address.
//!
//! Until step 3 the account is found by address and by id, so a repeated command continues one that was cut off.

use serde_json::{Value, json};
use shared::{
    domain::{account::Credential, ids::UserId},
    runtime::command::{AccountRef, CommandError},
    store::{ChangeOutcome, CredentialChange, RecordKind},
};

use crate::{call::Call, command::Target, find};

/// Counts of the deleted records.
#[derive(Default)]
struct Erased {
    sessions: usize,
    events: usize,
}

pub(crate) async fn delete_user(call: &Call<'_>, target: &Target) -> Result<Value, CommandError> {
    let whom = target.whom()?;
    let (user, erased) = match (find::look_up(call, &whom).await?, whom) {
        (Some(credential), _) => {
            let user = credential.account.user_id;
            (user, delete(call, credential).await?)
        }
        (None, AccountRef::Id(user)) => (user, delete_remains(call, user).await?),
        (None, AccountRef::Address(_)) => return Err(CommandError::not_found()),
    };
    // The one trace that remains.
    tracing::info!(user_id = %user, request_id = call.context.request_id, "an account was deleted");
    Ok(json!({
        "user_id": user,
        "sessions_deleted": erased.sessions,
        "events_deleted": erased.events,
    }))
}

async fn delete(call: &Call<'_>, mut credential: Credential) -> Result<Erased, CommandError> {
    let store = &call.state().store;
    let user = credential.account.user_id;
    while credential.deletion_began_at.is_none() {
        let begun = store.change_credential(
            &credential.account,
            CredentialChange::BeginDeletion,
            &call.context,
        );
        match begun.await? {
            ChangeOutcome::Done | ChangeOutcome::Already | ChangeOutcome::BeingDeleted => break,
            ChangeOutcome::Gone => match find::look_up(call, &AccountRef::Id(user)).await? {
                // It has moved to another address.
                Some(moved) => credential = moved,
                // Another deletion won.
                None => return delete_remains(call, user).await,
            },
        }
        call.check_time()?;
    }
    let account = &credential.account;
    let mut erased = Erased::default();
    erase(call, user, &mut erased).await?;
    // Queries now show what was committed just before the mark.
    store.wait_for_queries().await;
    erase(call, user, &mut erased).await?;
    store.delete_account(account).await?;
    // And what a refused login, under way at the mark, has written since. One that writes even later leaves an event
    // that nothing leads to; it is pruned with its day.
    erase(call, user, &mut erased).await?;
    Ok(erased)
}

/// What is left under an id without an account, by a login that was under way during its deletion.
async fn delete_remains(call: &Call<'_>, user: UserId) -> Result<Erased, CommandError> {
    let mut erased = Erased::default();
    erase(call, user, &mut erased).await?;
    if erased.sessions + erased.events == 0 {
        return Err(CommandError::not_found());
    }
    Ok(erased)
}

async fn erase(call: &Call<'_>, user: UserId, erased: &mut Erased) -> Result<(), CommandError> {
    erased.sessions += erase_all(call, user, RecordKind::Sessions).await?;
    erased.events += erase_all(call, user, RecordKind::Events).await?;
    Ok(())
}

async fn erase_all(call: &Call<'_>, user: UserId, records: RecordKind) -> Result<usize, CommandError> {
    let mut count = 0;
    loop {
        call.check_time()?;
        match call.state().store.delete_some(user, records).await? {
            0 => return Ok(count),
            some => count += some,
        }
    }
}
