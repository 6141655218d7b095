//! Accounts and credentials.

use super::{
    error::StoreError,
    item_keys::ItemKey,
    items,
    table::Store,
    transaction::{Action, ConditionOutcome, Outcome},
};
use crate::domain::{
    account::{Account, Credential},
    audit::AuditEvent,
    email::Email,
    ids::UserId,
};

/// An account to create, with its audit event.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Account and credential.
    pub credential: Credential,
    /// `account_created`.
    pub event: AuditEvent,
}

/// The outcome of a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The account is created.
    Created,
    /// The address has an account already, with this id; nothing was changed.
    AlreadyExists(UserId),
    /// The id is another account's; nothing was changed.
    IdIsTaken,
    /// The address has an account that is being deleted; nothing was changed.
    BeingDeleted,
}

impl Store {
    /// Reads the credential (strongly consistent). Returns `None` while the account is being deleted, so that logins
    /// leave nothing behind.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn credential(&self, email: &Email) -> Result<Option<Credential>, StoreError> {
        let credential = self.credential_record(email).await?;
        Ok(credential.filter(|found| found.deletion_began_at.is_none()))
    }

    /// Reads the credential (strongly consistent), even while its account is being deleted.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn credential_record(&self, email: &Email) -> Result<Option<Credential>, StoreError> {
        self.get(&ItemKey::credential(email))
            .await?
            .map(items::credential)
            .transpose()
    }

    /// An account by id (strongly consistent).
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.get(&ItemKey::profile(user))
            .await?
            .map(items::profile)
            .transpose()
    }

    /// The address of an account (strongly consistent), without anything else of it.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn address(&self, user: UserId) -> Result<Option<Email>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .set_key(Some(ItemKey::profile(user).attributes()))
            .projection_expression("email");
        let answer = request.send().await;
        let answer = answer.map_err(|error| StoreError::from_sdk("GetItem", error))?;
        answer.item.map(|item| items::address(user, &item)).transpose()
    }

    /// Creates profile, credential and audit event together, unless the address has an account.
    ///
    /// A retry of the same request is recognised by its `ClientRequestToken`; a later one finds the address taken.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn create_account(&self, new: &NewAccount) -> Result<CreateOutcome, StoreError> {
        let actions = vec![
            Action::Put {
                item: items::credential_item(&new.credential),
            },
            Action::Put {
                item: items::profile_item(&new.credential.account),
            },
            Action::Tell {
                event: items::event_item(&new.event),
            },
        ];
        match self.transact("creating an account", actions).await? {
            Outcome::Committed => Ok(CreateOutcome::Created),
            Outcome::Failed(outcomes) => {
                let Some(ConditionOutcome::Failed(Some(item))) = outcomes.into_iter().next() else {
                    return Ok(CreateOutcome::IdIsTaken);
                };
                let existing = items::credential(item)?;
                let being_deleted = existing.deletion_began_at.is_some();
                Ok(if being_deleted {
                    CreateOutcome::BeingDeleted
                } else {
                    CreateOutcome::AlreadyExists(existing.account.user_id)
                })
            }
        }
    }
}
