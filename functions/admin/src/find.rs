//! Finds the account that a command names.

use shared::{
    domain::account::Credential,
    runtime::command::{AccountRef, CommandError},
    store::StoreError,
};

use crate::call::Call;

/// How often a command starts over because the account's address or credential changed meanwhile.
pub(crate) const MAX_ATTEMPTS: u32 = 16;

/// The account, even if it is being deleted.
pub(crate) async fn find(call: &Call<'_>, whom: &AccountRef) -> Result<Credential, CommandError> {
    look_up(call, whom).await?.ok_or_else(CommandError::not_found)
}

/// As [`find`], but `None` if there is no such account.
pub(crate) async fn look_up(call: &Call<'_>, whom: &AccountRef) -> Result<Option<Credential>, StoreError> {
    let store = &call.state().store;
    let user = match whom {
        AccountRef::Address(email) => return store.credential_record(email).await,
        AccountRef::Id(user) => *user,
    };
    let mut account = store.account(user).await?;
    for _ in 0..MAX_ATTEMPTS {
        let Some(read) = &account else { return Ok(None) };
        let credential = store.credential_record(&read.email).await?;
        if let Some(credential) = credential.filter(|found| found.account.user_id == user) {
            return Ok(Some(credential));
        }
        // The account may be gone by now, or at another address.
        let again = store.account(user).await?;
        if again.as_ref().is_some_and(|again| again.email == read.email) {
            // Both come and go together. Taking this for a deleted account would leave one that only a login finds.
            return Err(StoreError::Corrupt {
                item: format!("account {user}"),
                attribute: "email".to_owned(),
                reason: "no credential of this address is the account's".to_owned(),
            });
        }
        account = again;
    }
    Err(StoreError::Contended {
        operation: "finding an account whose address changes",
    })
}
