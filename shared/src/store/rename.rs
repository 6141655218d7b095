//! Naming a session's device.

use super::{
    expression::{Update, number, text},
    item_keys::ItemKey,
    items,
    revoke::{RevokeError, caller_check, revoke_error},
    table::Store,
    transaction::{Action, ConditionOutcome, Outcome},
};
use crate::domain::{
    audit::{AuditContext, EventType},
    session::{Session, SessionRef},
};

/// A device's new name.
#[derive(Clone, Copy, Debug)]
pub struct RenameRequest<'a> {
    /// The session as it was read.
    pub session: &'a Session,
    /// The name that its owner gives it; `None` takes it away.
    pub name: Option<&'a str>,
    /// The calling session, which must be active at commit.
    pub caller: SessionRef,
    /// By which request.
    pub context: &'a AuditContext,
}

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameOutcome {
    /// The device has the name: given now, with its event, or before.
    Renamed,
    /// The session is over or gone; nothing was changed.
    NoLongerActive,
}

impl Store {
    /// Names a session's device and records it, in one transaction.
    ///
    /// Of two at once the later one wins, and both are recorded. A retry of the same request is recognised by its
    /// `ClientRequestToken`; a later one, and one that arrives late, finds the name there and changes nothing.
    ///
    /// # Errors
    ///
    /// If the calling session is no longer active, or the write fails. It may still have been applied.
    pub async fn rename_session(&self, request: RenameRequest<'_>) -> Result<RenameOutcome, RevokeError> {
        let (session, now) = (request.session, request.context.at);
        let mut changes = Update::default();
        changes
            .set_or_remove("given_name", request.name.map(text))
            .value(":now", number(now.seconds().0));
        let named = Session {
            given_name: request.name.map(str::to_owned),
            ..session.clone()
        };
        let event = request
            .context
            .session_event(&self.ids, &named, EventType::SessionRenamed);
        let mut actions = vec![
            Action::Update {
                key: ItemKey::session(session.user_id, session.id),
                changes,
                also: "",
                condition: match request.name {
                    Some(_) => {
                        "attribute_exists(pk) AND attribute_not_exists(revoked_at) AND expires_at > :now AND \
                         (attribute_not_exists(given_name) OR given_name <> :given_name)"
                    }
                    None => {
                        "attribute_exists(pk) AND attribute_not_exists(revoked_at) AND expires_at > :now AND \
                         attribute_exists(given_name)"
                    }
                }
                .into(),
            },
            Action::Tell {
                event: items::event_item(&event),
            },
        ];
        // A transaction names no item twice: one's own session is checked by its update.
        let is_own = request.caller.session_id == session.id;
        if !is_own {
            actions.push(caller_check(request.caller, now));
        }
        let outcomes = match self.transact("naming a device", actions).await? {
            Outcome::Committed => return Ok(RenameOutcome::Renamed),
            Outcome::Failed(outcomes) => outcomes,
        };
        if let Some(ConditionOutcome::Failed(item)) = outcomes.get(2) {
            return Err(revoke_error(item.clone(), now)?);
        }
        let Some(ConditionOutcome::Failed(item)) = outcomes.into_iter().next() else {
            return Ok(RenameOutcome::NoLongerActive);
        };
        let found = item.clone().map(items::session).transpose()?;
        if found.is_some_and(|found| found.is_active(now) && found.given_name.as_deref() == request.name) {
            return Ok(RenameOutcome::Renamed);
        }
        if is_own {
            return Err(revoke_error(item, now)?);
        }
        Ok(RenameOutcome::NoLongerActive)
    }
}
