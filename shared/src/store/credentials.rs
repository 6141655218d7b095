//! Changing credentials, each change together with its audit event.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    error::StoreError,
    expression::{Update, number, text},
    item_keys::ItemKey,
    items,
    table::Store,
    transaction::{Action, ConditionOutcome, Outcome},
};
use crate::domain::{
    account::{Account, Credential},
    audit::{AuditContext, EventType},
    password::PasswordHash,
};

/// A change of a credential.
#[derive(Clone, Copy, Debug)]
pub enum CredentialChange<'a> {
    /// Logins are refused.
    Disable,
    /// Logins succeed again.
    Enable,
    /// A new password.
    SetPassword(&'a PasswordHash),
    /// Logins and other changes are refused for good: the deletion has begun.
    BeginDeletion,
}

/// The outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// Applied, with its event.
    Done,
    /// The account is already disabled or enabled; nothing was written.
    Already,
    /// The account is being deleted: nothing was written.
    BeingDeleted,
    /// The account is gone: nothing was written.
    Gone,
}

impl CredentialChange<'_> {
    fn condition(self) -> &'static str {
        match self {
            Self::Disable | Self::Enable => {
                "user_id = :user AND attribute_not_exists(deletion_began_at) AND is_active <> :is_active"
            }
            Self::SetPassword(_) | Self::BeginDeletion => {
                "user_id = :user AND attribute_not_exists(deletion_began_at)"
            }
        }
    }

    fn changes(self, context: &AuditContext) -> Update {
        let mut changes = Update::default();
        match self {
            Self::Disable => changes
                .set("is_active", AttributeValue::Bool(false))
                .set_or_remove("tickets", None),
            Self::Enable => changes.set("is_active", AttributeValue::Bool(true)),
            Self::SetPassword(hash) => changes
                .set("password_hash", text(hash.as_str()))
                .set_or_remove("tickets", None),
            Self::BeginDeletion => changes
                .set("is_active", AttributeValue::Bool(false))
                .set("deletion_began_at", number(context.at.0))
                .set_or_remove("password_hash", None)
                .set_or_remove("tickets", None),
        };
        changes
    }

    fn event(self) -> EventType {
        match self {
            // If a deletion is interrupted, the trail still says that the account is disabled and by whom.
            Self::Disable | Self::BeginDeletion => EventType::AccountDisabled,
            Self::Enable => EventType::AccountEnabled,
            Self::SetPassword(_) => EventType::PasswordChanged,
        }
    }
}

impl Store {
    /// Changes an account's credential and records it, in one transaction.
    ///
    /// Every change but enabling defeats concurrent logins: their transactions require the password or ticket, and the
    /// active flag, that they read. A retry of the same request is recognised by its `ClientRequestToken`; a later one finds the
    /// account already disabled, enabled or being deleted, or sets the same password again.
    ///
    /// # Errors
    ///
    /// If the write fails. It may still have been applied.
    pub async fn change_credential(
        &self,
        account: &Account,
        change: CredentialChange<'_>,
        context: &AuditContext,
    ) -> Result<ChangeOutcome, StoreError> {
        let mut changes = change.changes(context);
        changes.value(":user", text(account.user_id.to_string()));
        let event = context.event(&self.ids, account.user_id, change.event());
        let actions = vec![
            Action::Update {
                key: ItemKey::credential(&account.email),
                changes,
                also: "",
                condition: change.condition().into(),
            },
            Action::Tell {
                event: items::event_item(&event),
            },
        ];
        let outcomes = match self.transact("changing a credential", actions).await? {
            Outcome::Committed => return Ok(ChangeOutcome::Done),
            Outcome::Failed(outcomes) => outcomes,
        };
        let Some(ConditionOutcome::Failed(Some(item))) = outcomes.into_iter().next() else {
            return Ok(ChangeOutcome::Gone);
        };
        let credential: Credential = items::credential(item)?;
        Ok(if credential.account.user_id != account.user_id {
            ChangeOutcome::Gone
        } else if credential.deletion_began_at.is_some() {
            ChangeOutcome::BeingDeleted
        } else {
            ChangeOutcome::Already
        })
    }
}
