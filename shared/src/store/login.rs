//! Committing a login.

use super::{
    error::StoreError,
    expression::{Update, number, text},
    item_keys::ItemKey,
    items,
    revoke::{MAX_SESSIONS_PER_TRANSACTION, RevokeCondition},
    table::Store,
    transaction::{Action, ConditionOutcome, Outcome},
};
use crate::domain::{
    account::Credential,
    audit::{AuditContext, EventType},
    password::PasswordHash,
    session::{RevokeReason, Session},
};

use aws_sdk_dynamodb::types::AttributeValue;

/// A login ready to commit.
#[derive(Clone, Copy, Debug)]
pub struct LoginCommit<'a> {
    /// The credential, read before the user's sessions.
    pub credential: &'a Credential,
    /// The same password rehashed, if the stored hash is outdated.
    pub renewed_hash: Option<&'a PasswordHash>,
    /// The new session.
    pub session: &'a Session,
    /// The sessions this login revokes, and why: at most [`LoginCommit::MAX_REVOCATIONS`].
    pub revoke: &'a [(Session, RevokeReason)],
    /// The request.
    pub context: &'a AuditContext,
}

impl LoginCommit<'_> {
    /// How many sessions a login can revoke.
    pub const MAX_REVOCATIONS: usize = MAX_SESSIONS_PER_TRANSACTION;
}

/// The outcome of a login.
#[derive(Clone, Debug)]
pub enum LoginOutcome {
    /// It is committed.
    Committed,
    /// The credential has changed since it was read (another login, a new password, a disabled account); nothing was
    /// changed. Holds the current one, unless it is gone or its account is being deleted.
    CredentialChanged(Option<Box<Credential>>),
    /// A session to be revoked is gone or revoked already, or was used meanwhile and is no longer the least recently
    /// used; nothing was changed.
    SessionsChanged,
}

impl Store {
    /// Counts the login in the credential, creates the session, revokes others and records all, in one transaction.
    ///
    /// The condition on the credential (`login_sequence`, password and active flag are as read before the sessions)
    /// serialises an account's logins and defeats a login overtaken by a disabling or a new password. It also makes it
    /// safe to replace an outdated hash here. A retry of the same request is recognised by its `ClientRequestToken`; a
    /// retry by the phone is another login.
    ///
    /// # Errors
    ///
    /// If the write fails. It may still have been applied.
    pub async fn commit_login(&self, login: LoginCommit<'_>) -> Result<LoginOutcome, StoreError> {
        let LoginCommit {
            credential,
            renewed_hash,
            session,
            revoke,
            context,
        } = login;
        let mut changes = Update::default();
        changes
            .set("login_sequence", number(credential.login_sequence + 1))
            .value(":seen", number(credential.login_sequence))
            .value(":active", AttributeValue::Bool(true));
        changes.value(":user", text(credential.account.user_id.to_string()));
        let hash = credential.password_hash.as_ref().map_or("", |hash| hash.as_str());
        changes.value(":hash", text(hash));
        if let Some(renewed) = renewed_hash {
            changes.set("password_hash", text(renewed.as_str()));
        }
        let mut actions = vec![
            Action::Update {
                key: ItemKey::credential(&credential.account.email),
                changes,
                also: "",
                // The user too: meanwhile the address may have become that of another account.
                condition: "user_id = :user AND login_sequence = :seen AND password_hash = :hash AND is_active = :active",
            },
            Action::Put {
                item: items::session_item(session),
            },
        ];
        for (other, reason) in revoke {
            let only = if *reason == RevokeReason::SessionLimit {
                RevokeCondition::UnusedSince
            } else {
                RevokeCondition::NotRevoked
            };
            actions.extend(self.revoke_actions(
                other,
                *reason,
                EventType::for_revocation(*reason),
                context,
                only,
            ));
        }
        let event = context.session_event(&self.ids, session, EventType::LoginSucceeded);
        actions.push(Action::Tell {
            event: items::event_item(&event),
        });

        match self.transact("logging in", actions).await? {
            Outcome::Committed => Ok(LoginOutcome::Committed),
            Outcome::Failed(outcomes) => match outcomes.into_iter().next() {
                Some(ConditionOutcome::Failed(item)) => {
                    let credential = item.map(items::credential).transpose()?;
                    let credential = credential.filter(|found| found.deletion_began_at.is_none());
                    Ok(LoginOutcome::CredentialChanged(credential.map(Box::new)))
                }
                _ => Ok(LoginOutcome::SessionsChanged),
            },
        }
    }
}
