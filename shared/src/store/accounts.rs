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

/// An account to be created, with the event that tells of it.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account and what opens it.
    pub credential: Credential,
    /// `account_created`.
    pub event: AuditEvent,
}

/// What became of a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateOutcome {
    /// There is a new account.
    Created,
    /// The address has an account already; nothing was changed.
    AlreadyExists,
    /// The address has an account that is being deleted; nothing was changed.
    BeingDeleted,
}

impl Store {
    /// The credential that opens an account, read consistently: none when the account is being deleted, so that a
    /// login leaves no more traces in it.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn credential(&self, email: &Email) -> Result<Option<Credential>, StoreError> {
        let credential = self.credential_record(email).await?;
        Ok(credential.filter(|found| found.deletion_began_at.is_none()))
    }

    /// The credential of an address, read consistently, also when its account is being deleted.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn credential_record(&self, email: &Email) -> Result<Option<Credential>, StoreError> {
        self.get(&ItemKey::credential(email))
            .await?
            .map(items::credential)
            .transpose()
    }

    /// An account by its id, read consistently.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.get(&ItemKey::profile(user))
            .await?
            .map(items::profile)
            .transpose()
    }

    /// Creates profile, credential and audit event together, unless the address has an account.
    ///
    /// A repeat of the same request is recognised by its `ClientRequestToken`; a later one finds the address taken.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub async fn create_account(&self, new: &NewAccount) -> Result<CreateOutcome, StoreError> {
        let absent = "attribute_not_exists(pk)";
        let actions = vec![
            Action::Put {
                item: items::credential_item(&new.credential),
                condition: absent,
            },
            Action::Put {
                item: items::profile_item(&new.credential.account),
                condition: absent,
            },
            Action::Put {
                item: items::event_item(&new.event),
                condition: "",
            },
        ];
        match self.transact("creating an account", actions).await? {
            Outcome::Committed => Ok(CreateOutcome::Created),
            Outcome::Failed(outcomes) => {
                let Some(ConditionOutcome::Failed(Some(item))) = outcomes.into_iter().next() else {
                    return Ok(CreateOutcome::AlreadyExists);
                };
                let existing = items::credential(item)?;
                let being_deleted = existing.deletion_began_at.is_some();
                Ok(if being_deleted {
                    CreateOutcome::BeingDeleted
                } else {
                    CreateOutcome::AlreadyExists
                })
            }
        }
    }
}
