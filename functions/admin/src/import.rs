//! `import_users`: many accounts in one call.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    domain::{email::Email, ids::UserId},
    runtime::command::CommandError,
    store::{CreateOutcome, NewAccount},
};

use crate::{accounts, call::Call, command::NewUser};

/// How many accounts one call takes at most.
pub const MAX_USERS: usize = 500;
/// How many are written at once.
const WRITES_AT_ONCE: usize = 16;
/// How many characters of an invalid address the report repeats.
const MAX_ADDRESS: usize = 254;

/// What became of a line.
enum LineOutcome {
    Created(UserId),
    /// The address had an account, of this id.
    Existed(UserId),
    /// The address is that of an earlier line, by its number.
    Repeated(usize),
    Refused(CommandError),
}

/// Creates the accounts that do not exist. Reports how many, and of each line, by its number from 1 on, what became of it.
/// If several lines name one address, the first of them counts.
///
/// A repeat finds the accounts that exist by now, and tries the others again.
pub(crate) async fn import_users(call: &Call<'_>, users: Vec<Value>) -> Result<Value, CommandError> {
    if users.is_empty() || users.len() > MAX_USERS {
        let problem = format!("must be a list of 1 to {MAX_USERS} accounts, not {}", users.len());
        return Err(CommandError::field("users", problem));
    }
    let addresses: Vec<_> = users.iter().map(address).collect();
    let earlier = earlier_lines(&users);
    // Passwords are hashed one by one, because each hash takes its memory, beside the writes.
    let outcomes = stream::iter(users.into_iter().enumerate())
        .then(async |(index, user)| match earlier[index] {
            Some(line) => (index, Err(line)),
            None => (index, Ok(prepare(call, user).await)),
        })
        .map(async |(index, new)| match new {
            Ok(new) => (index, create(call, new).await),
            Err(line) => (index, LineOutcome::Repeated(line)),
        })
        .buffer_unordered(WRITES_AT_ONCE);
    let mut outcomes: Vec<_> = outcomes.collect().await;
    outcomes.sort_by_key(|(index, _)| *index);

    let refused_first: HashMap<_, _> = outcomes
        .iter()
        .filter_map(|(index, outcome)| match outcome {
            LineOutcome::Refused(refusal) => Some((index + 1, refusal.code)),
            _ => None,
        })
        .collect();

    let (mut created, mut existed) = (0, 0);
    let (mut lines, mut refused) = (Vec::new(), Vec::new());
    for (index, outcome) in outcomes {
        let (line, email) = (index + 1, &addresses[index]);
        match outcome {
            LineOutcome::Created(id) => {
                created += 1;
                lines.push(json!({ "line": line, "outcome": "created", "user_id": id }));
            }
            LineOutcome::Existed(id) => {
                existed += 1;
                lines.push(json!({ "line": line, "email": email, "outcome": "existed", "user_id": id }));
            }
            // No account came of the first line either, so that this one must not count as if there were one.
            LineOutcome::Repeated(first) if refused_first.contains_key(&first) => {
                let message =
                    format!("has the address of line {first}, which was not imported: correct or remove one");
                let code = refused_first[&first];
                refused.push(json!({ "line": line, "email": email, "code": code, "message": message }));
            }
            LineOutcome::Repeated(first) => {
                existed += 1;
                lines.push(
                    json!({ "line": line, "email": email, "outcome": "existed", "same_as_line": first }),
                );
            }
            LineOutcome::Refused(CommandError { code, message }) => {
                refused.push(json!({ "line": line, "email": email, "code": code, "message": message }));
            }
        }
    }
    Ok(json!({ "created": created, "existed": existed, "refused": refused, "lines": lines }))
}

/// Of each account, the number of the first line with the same address.
fn earlier_lines(users: &[Value]) -> Vec<Option<usize>> {
    let mut first: HashMap<Email, usize> = HashMap::new();
    let lines = users.iter().zip(1..).map(|(user, line)| {
        let email = Email::parse(user["email"].as_str()?).ok()?;
        let earlier = *first.entry(email).or_insert(line);
        (earlier != line).then_some(earlier)
    });
    lines.collect()
}

/// The address as given, to find its line.
fn address(user: &Value) -> Option<String> {
    let address = user["email"].as_str()?;
    Some(address.chars().take(MAX_ADDRESS).collect())
}

async fn prepare(call: &Call<'_>, user: Value) -> Result<NewAccount, CommandError> {
    call.check_time()?;
    if !user.is_object() {
        return Err(CommandError::new(
            "invalid_command",
            "an account is a JSON object",
        ));
    }
    let says_of_password = ["password", "password_hash"].map(|name| user.get(name).is_some());
    let user = NewUser::deserialize(user);
    let user = user.map_err(|error| CommandError::new("invalid_command", error.to_string()))?;
    // Of many lines, one that forgot it would go unseen.
    if says_of_password == [false, false] {
        let problem = "or password_hash is missing: if the account has none, say \"password\": null";
        return Err(CommandError::field("password", problem));
    }
    accounts::new_account(call, &user).await
}

async fn create(call: &Call<'_>, new: Result<NewAccount, CommandError>) -> LineOutcome {
    let attempt = async {
        let new = new?;
        Ok(match call.state().store.create_account(&new).await? {
            CreateOutcome::Created => LineOutcome::Created(new.credential.account.user_id),
            CreateOutcome::AlreadyExists(id) => LineOutcome::Existed(id),
            CreateOutcome::IdIsTaken => LineOutcome::Refused(CommandError::id_is_taken()),
            CreateOutcome::BeingDeleted => LineOutcome::Refused(CommandError::being_deleted()),
        })
    };
    attempt.await.unwrap_or_else(LineOutcome::Refused)
}
