//! `import_users`: many accounts in one call.

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::store::{CreateOutcome, NewAccount};

use crate::{accounts, call::Call, command::NewUser, command_error::CommandError};

/// How many accounts one call takes at most.
pub const MAX_USERS: usize = 500;
/// How many are written at once.
const WRITES_AT_ONCE: usize = 16;
/// How many characters of an invalid address the report repeats.
const MAX_ADDRESS: usize = 254;

/// Creates the accounts that do not exist. Reports how many, and each refused one by its number, from 1 on.
///
/// A repeat finds the accounts that exist by now, and tries the others again.
pub(crate) async fn import_users(call: &Call<'_>, users: Vec<Value>) -> Result<Value, CommandError> {
    if users.is_empty() || users.len() > MAX_USERS {
        let problem = format!("must be a list of 1 to {MAX_USERS} accounts, not {}", users.len());
        return Err(CommandError::field("users", problem));
    }
    let (mut created, mut existed, mut refused) = (0, 0, Vec::new());
    // Passwords are hashed one by one, because each hash takes its memory, beside the writes.
    let outcomes = stream::iter(users.into_iter().enumerate())
        .then(async |(index, user)| (index, address(&user), prepare(call, user).await))
        .map(async |(index, email, new)| (index, email, create(call, new).await))
        .buffer_unordered(WRITES_AT_ONCE);
    let mut outcomes = std::pin::pin!(outcomes);
    while let Some((index, email, outcome)) = outcomes.next().await {
        match outcome {
            Ok(CreateOutcome::Created) => created += 1,
            Ok(CreateOutcome::AlreadyExists) => existed += 1,
            Ok(CreateOutcome::BeingDeleted) => refused.push((index, email, CommandError::being_deleted())),
            Err(refusal) => refused.push((index, email, refusal)),
        }
    }
    refused.sort_by_key(|(index, ..)| *index);
    let refused: Vec<_> = refused
        .into_iter()
        .map(|(index, email, CommandError { code, message })| {
            json!({ "line": index + 1, "email": email, "code": code, "message": message })
        })
        .collect();
    Ok(json!({ "created": created, "existed": existed, "refused": refused }))
}

/// The address as given, to find its line.
fn address(user: &Value) -> Option<String> {
    let address = user["email"].as_str()?;
    Some(address.chars().take(MAX_ADDRESS).collect())
}

async fn prepare(call: &Call<'_>, user: Value) -> Result<NewAccount, CommandError> {
    call.check_time()?;
    let user = NewUser::deserialize(user);
    let user = user.map_err(|error| CommandError::new("invalid_command", error.to_string()))?;
    accounts::new_account(call, &user).await
}

async fn create(
    call: &Call<'_>,
    new: Result<NewAccount, CommandError>,
) -> Result<CreateOutcome, CommandError> {
    Ok(call.state().store.create_account(&new?).await?)
}
