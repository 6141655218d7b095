//! Moving an account to another address.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{
    error::StoreError,
    expression::{Attributes, Update, number, text},
    item_keys::ItemKey,
    items,
    table::Store,
    transaction::{Action, ConditionOutcome, Outcome},
};
use crate::domain::{
    account::Credential,
    audit::{AuditContext, EventType},
    email::Email,
};

/// An address to move to.
#[derive(Clone, Debug)]
pub struct NewAddress {
    /// Its identity.
    pub email: Email,
    /// As it is shown.
    pub as_typed: String,
}

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailOutcome {
    /// Changed, with its event.
    Changed,
    /// Another account has the address; nothing was changed.
    Taken,
    /// The credential was changed or deleted meanwhile; nothing was changed.
    CredentialChanged,
}

impl Store {
    /// Moves an account to `new`: both credentials, the profile and the audit event change together, or nothing does.
    /// `credential` is as it was read.
    ///
    /// It defeats concurrent logins and changes of the credential, as they defeat it: each demands what it has read. A
    /// retry of the same request is recognised by its `ClientRequestToken`; a later one finds the account at its new
    /// address.
    ///
    /// # Errors
    ///
    /// If the write fails. It may still have been applied.
    pub async fn change_email(
        &self,
        credential: &Credential,
        new: &NewAddress,
        context: &AuditContext,
    ) -> Result<EmailOutcome, StoreError> {
        let old = &credential.account;
        let mut moved = credential.clone();
        moved.account.email = new.email.clone();
        moved.account.email_as_typed.clone_from(&new.as_typed);
        // No login that read the old credential may commit on the new one, should the address change back.
        moved.login_sequence += 1;
        // They are for the old address.
        moved.tickets.clear();
        let event = context.event(&self.ids, old.user_id, EventType::EmailChanged);
        let mut profile = Update::default();
        profile
            .set("email", text(new.email.as_str()))
            .set("email_as_typed", text(&new.as_typed))
            .value(":old", text(old.email.as_str()));
        let (unchanged, as_read) = as_read(credential);
        let mut actions = Vec::with_capacity(4);
        if new.email == old.email {
            // Only what is shown changes.
            let mut shown = Update::default();
            shown.set("email_as_typed", text(&new.as_typed));
            for (name, value) in as_read {
                shown.value(&name, value);
            }
            actions.push(Action::Update {
                key: ItemKey::credential(&old.email),
                changes: shown,
                also: "",
                condition: unchanged.into(),
            });
        } else {
            actions.push(Action::Delete {
                key: ItemKey::credential(&old.email),
                condition: unchanged,
                values: as_read,
            });
            actions.push(Action::Put {
                item: items::credential_item(&moved),
            });
        }
        actions.push(Action::Update {
            key: ItemKey::profile(old.user_id),
            changes: profile,
            also: "",
            condition: "attribute_exists(pk) AND email = :old".into(),
        });
        actions.push(Action::Tell {
            event: items::event_item(&event),
        });
        let outcomes = match self.transact("changing an address", actions).await? {
            Outcome::Committed => return Ok(EmailOutcome::Changed),
            Outcome::Failed(outcomes) => outcomes,
        };
        let failed = |index: usize| matches!(outcomes.get(index), Some(ConditionOutcome::Failed(_)));
        Ok(if new.email != old.email && failed(1) && !failed(0) {
            EmailOutcome::Taken
        } else {
            EmailOutcome::CredentialChanged
        })
    }
}

/// The condition that a credential is as it was read, and its values.
fn as_read(credential: &Credential) -> (&'static str, Attributes) {
    let mut values = Attributes::from([
        (":user".to_owned(), text(credential.account.user_id.to_string())),
        (":sequence".to_owned(), number(credential.login_sequence)),
        (":active".to_owned(), AttributeValue::Bool(credential.is_active)),
    ]);
    let condition = match &credential.password_hash {
        Some(hash) => {
            values.insert(":hash".to_owned(), text(hash.as_str()));
            "user_id = :user AND login_sequence = :sequence AND is_active = :active AND password_hash = :hash AND \
             attribute_not_exists(deletion_began_at)"
        }
        None => {
            "user_id = :user AND login_sequence = :sequence AND is_active = :active AND \
             attribute_not_exists(password_hash) AND attribute_not_exists(deletion_began_at)"
        }
    };
    (condition, values)
}
