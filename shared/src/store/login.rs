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
    ticket::{MAX_TICKETS, TicketHash},
};

use aws_sdk_dynamodb::types::AttributeValue;

/// A login ready to commit.
#[derive(Clone, Copy, Debug)]
pub struct LoginCommit<'a> {
    /// The credential, read before the user's sessions.
    pub credential: &'a Credential,
    /// What proves that its owner logs in.
    pub proof: LoginProof<'a>,
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

/// What the login's transaction requires of the credential, because the login was decided by it.
#[derive(Clone, Copy, Debug)]
pub enum LoginProof<'a> {
    /// The password that the credential had when it was read.
    Password {
        /// The same password rehashed, if the stored hash is outdated.
        renewed_hash: Option<&'a PasswordHash>,
    },
    /// A ticket that the credential had: this login uses it up.
    Ticket(&'a TicketHash),
}

/// The outcome of a login.
#[derive(Clone, Debug)]
pub enum LoginOutcome {
    /// It is committed.
    Committed,
    /// The credential has changed since it was read (another login, a new password, a redeemed ticket, a disabled
    /// account); nothing was changed. Holds the current one, unless it is gone or its account is being deleted.
    CredentialChanged(Option<Box<Credential>>),
    /// A session to be revoked is gone or revoked already, or was used meanwhile and is no longer the least recently
    /// used; nothing was changed.
    SessionsChanged,
}

impl Store {
    /// Counts the login in the credential, creates the session, revokes others and records all, in one transaction.
    ///
    /// The condition on the credential (`login_sequence`, password or ticket, and active flag are as read before the
    /// sessions) serialises an account's logins and defeats a login overtaken by a disabling or a new password. It also
    /// makes it safe to replace an outdated hash here, and lets a ticket be redeemed once. A retry of the same request is
    /// recognised by its `ClientRequestToken`; a retry by the phone is another login, or finds its ticket redeemed.
    ///
    /// # Errors
    ///
    /// If the write fails. It may still have been applied.
    pub async fn commit_login(&self, login: LoginCommit<'_>) -> Result<LoginOutcome, StoreError> {
        let LoginCommit {
            credential,
            proof,
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
        let proof = prove(proof, credential, &mut changes);
        let mut actions = vec![
            Action::Update {
                key: ItemKey::credential(&credential.account.email),
                changes,
                also: "",
                // The user too: meanwhile the address may have become that of another account.
                condition: format!(
                    "user_id = :user AND login_sequence = :seen AND is_active = :active AND {proof}"
                )
                .into(),
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

/// Each of an account's tickets, as expressions name it.
const SLOTS: [&str; MAX_TICKETS] = ["tickets[0]", "tickets[1]", "tickets[2]", "tickets[3]"];

/// Adds what the proof changes; returns the condition that it still holds.
fn prove(proof: LoginProof<'_>, credential: &Credential, changes: &mut Update) -> String {
    match proof {
        LoginProof::Password { renewed_hash } => {
            let hash = credential.password_hash.as_ref().map_or("", |hash| hash.as_str());
            changes.value(":hash", text(hash));
            if let Some(renewed) = renewed_hash {
                changes.set("password_hash", text(renewed.as_str()));
            }
            "password_hash = :hash".to_owned()
        }
        LoginProof::Ticket(hash) => {
            changes.value(":ticket", text(items::encode_hash(hash)));
            let found = credential.tickets.iter().position(|ticket| ticket.hash == *hash);
            // A credential without it, or with more tickets than there are slots, fails the condition.
            let slot = SLOTS[found.unwrap_or(0).min(MAX_TICKETS - 1)];
            changes.set_or_remove(slot, None);
            format!("{slot}.ticket_hash = :ticket")
        }
    }
}
