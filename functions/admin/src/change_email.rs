//! `change_email`: another address for an account, whose sessions stay.

use serde_json::{Value, json};
use shared::{
    domain::email::Email,
    runtime::command::{AccountRef, CommandError},
    store::{EmailOutcome, NewAddress, StoreError},
};

use crate::{
    call::Call,
    command::ChangeEmail,
    find::{self, MAX_ATTEMPTS},
    views,
};

pub(crate) async fn change_email(call: &Call<'_>, command: &ChangeEmail) -> Result<Value, CommandError> {
    let new = NewAddress {
        email: Email::parse(&command.new_email).map_err(|error| CommandError::field("new_email", error))?,
        as_typed: Email::shown(&command.new_email),
    };
    let mut credential = find::find(call, &command.whom()?).await?;
    let account = AccountRef::Id(credential.account.user_id);
    for _ in 0..MAX_ATTEMPTS {
        if credential.deletion_began_at.is_some() {
            return Err(CommandError::being_deleted());
        }
        let is_there = credential.account.email == new.email;
        if is_there && credential.account.email_as_typed == new.as_typed {
            return Ok(json!({ "user": views::user(&credential) }));
        }
        let changed = call.state().store.change_email(&credential, &new, &call.context);
        match changed.await? {
            EmailOutcome::Changed => {
                credential.account.email = new.email;
                credential.account.email_as_typed = new.as_typed;
                return Ok(json!({ "user": views::user(&credential) }));
            }
            EmailOutcome::Taken => return Err(CommandError::already_exists()),
            EmailOutcome::CredentialChanged => credential = find::find(call, &account).await?,
        }
    }
    Err(StoreError::Contended {
        operation: "changing an address",
    }
    .into())
}
