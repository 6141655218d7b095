//! Revoking sessions, each together with its audit event.

use super::{
    error::StoreError,
    expression::{Attributes, Update, number, text},
    item_keys::ItemKey,
    items,
    table::Store,
    transaction::{Action, ConditionOutcome, Outcome},
};
use crate::domain::{
    audit::{AuditContext, EventType},
    clock::Millis,
    error::Error,
    ids::{SessionId, UserId},
    session::{RevokeReason, Session, SessionRef, SessionStatus},
};

/// Maximum sessions per transaction: two actions each and a check stay below `DynamoDB`'s 100.
pub(super) const MAX_SESSIONS_PER_TRANSACTION: usize = 40;

/// Maximum reads of one [`Store::revoke_all`], which revokes what it read after each.
const MAX_READS: usize = 100;

/// What to revoke.
#[derive(Clone, Copy, Debug)]
pub struct RevokeRequest<'a> {
    /// The sessions as they were read.
    pub sessions: &'a [Session],
    /// Why.
    pub reason: RevokeReason,
    /// By which request.
    pub context: &'a AuditContext,
    /// The calling session, which must be active at commit; `None` for a logout, which may come late, and for support
    /// staff.
    pub caller: Option<SessionRef>,
}

/// Why revocation stopped.
#[derive(Debug)]
pub enum RevokeError {
    /// The calling session has expired, or its record is gone.
    Expired,
    /// The calling session is revoked.
    Revoked,
    /// The table.
    Store(StoreError),
}

impl From<StoreError> for RevokeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<RevokeError> for Error {
    fn from(gone: RevokeError) -> Self {
        match gone {
            RevokeError::Expired => Self::SessionExpired,
            RevokeError::Revoked => Self::SessionRevoked,
            RevokeError::Store(error) => error.into(),
        }
    }
}

/// The outcome of revoking one session.
#[derive(Clone, Debug)]
pub enum RevokeOutcome {
    /// Revoked by this call.
    Revoked,
    /// It was revoked already or is gone; nothing was changed. Holds the current session, if any.
    NoLongerActive(Option<Box<Session>>),
}

/// What else must hold for an unrevoked session to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RevokeCondition {
    /// Nothing else.
    NotRevoked,
    /// Not expired: it is the caller's own.
    Active,
    /// Not used since it was read: it is revoked as the least recently used.
    UnusedSince,
}

impl Store {
    /// Revokes sessions with their audit events, up to 40 in a transaction. Returns the ids this call revoked.
    ///
    /// Sessions already revoked or gone are left alone. The caller's own session comes last, so that an interrupted
    /// command can be retried with the same token. A retry revokes nothing twice and writes no second event: each
    /// update's condition refuses it.
    ///
    /// # Errors
    ///
    /// If the calling session is no longer active, before anything was revoked; if it ends later, the rest is left alone.
    /// If the table cannot be written: earlier transactions of the same call may be committed by then.
    pub async fn revoke_sessions(&self, request: RevokeRequest<'_>) -> Result<Vec<SessionId>, RevokeError> {
        let is_caller = |session: &&Session| {
            request
                .caller
                .is_some_and(|caller| caller.session_id == session.id)
        };
        let (own, mut targets): (Vec<_>, Vec<_>) = request.sessions.iter().partition(is_caller);
        targets.extend(own);
        let mut ended = Vec::with_capacity(targets.len());
        let event = EventType::for_revocation(request.reason);
        for chunk in targets.chunks(MAX_SESSIONS_PER_TRANSACTION) {
            match self.revoke_together(&request, event, chunk.to_vec()).await {
                Ok(chunk) => ended.extend(chunk),
                Err(RevokeError::Expired | RevokeError::Revoked) if !ended.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }

    /// Revokes all sessions of a user, reading (strongly consistent) until none is left. Returns how many.
    ///
    /// After a credential change that defeats concurrent logins, none is left for good: a login that committed before
    /// the change had already created its session, and a refresh cannot restore a revoked session. A retry revokes what
    /// is left and writes no second event.
    ///
    /// # Errors
    ///
    /// If the table cannot be read or written. Earlier transactions of the same call may be committed by then.
    pub async fn revoke_all(
        &self,
        user: UserId,
        reason: RevokeReason,
        context: &AuditContext,
    ) -> Result<usize, RevokeError> {
        let (mut count, mut found_none) = (0, false);
        for _ in 0..MAX_READS {
            let mut sessions = self.sessions(user).await?;
            sessions.retain(|session| session.may_be_active(context.at));
            if sessions.is_empty() && found_none {
                return Ok(count);
            }
            found_none = sessions.is_empty();
            if found_none {
                // A query may see only part of a transaction: the session of a login that has just written its
                // credential appears now.
                self.wait_for_queries().await;
            }
            let request = RevokeRequest {
                sessions: &sessions,
                reason,
                context,
                caller: None,
            };
            for chunk in sessions.chunks(MAX_SESSIONS_PER_TRANSACTION) {
                let chunk = chunk.iter().collect();
                let ended = self.revoke_together(&request, EventType::SessionsRevoked, chunk);
                count += ended.await?.len();
            }
        }
        let operation = "ending all sessions";
        Err(StoreError::Contended { operation }.into())
    }

    /// Revokes one session, with its event, unless revoked already.
    ///
    /// A retry of the request is recognised by its `ClientRequestToken`; a later call finds the session revoked.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn revoke_session(
        &self,
        session: &Session,
        reason: RevokeReason,
        context: &AuditContext,
    ) -> Result<RevokeOutcome, StoreError> {
        let actions = self.revoke_actions(
            session,
            reason,
            EventType::for_revocation(reason),
            context,
            RevokeCondition::NotRevoked,
        );
        match self.transact("ending a session", actions.into()).await? {
            Outcome::Committed => Ok(RevokeOutcome::Revoked),
            Outcome::Failed(outcomes) => match outcomes.into_iter().next() {
                Some(ConditionOutcome::Failed(Some(item))) => Ok(RevokeOutcome::NoLongerActive(Some(
                    Box::new(items::session(item)?),
                ))),
                _ => Ok(RevokeOutcome::NoLongerActive(None)),
            },
        }
    }

    async fn revoke_together(
        &self,
        request: &RevokeRequest<'_>,
        event: EventType,
        mut sessions: Vec<&Session>,
    ) -> Result<Vec<SessionId>, RevokeError> {
        let now = request.context.at;
        while !sessions.is_empty() {
            let separate = request
                .caller
                .filter(|caller| sessions.iter().all(|s| s.id != caller.session_id));
            let mut actions = Vec::with_capacity(2 * sessions.len() + 1);
            for session in &sessions {
                let is_caller = request
                    .caller
                    .is_some_and(|caller| caller.session_id == session.id);
                let only = if is_caller {
                    RevokeCondition::Active
                } else {
                    RevokeCondition::NotRevoked
                };
                actions.extend(self.revoke_actions(session, request.reason, event, request.context, only));
            }
            actions.extend(separate.map(|caller| caller_check(caller, now)));

            let outcomes = match self.transact("ending sessions", actions).await? {
                Outcome::Committed => return Ok(sessions.iter().map(|session| session.id).collect()),
                Outcome::Failed(outcomes) => outcomes,
            };
            if let (Some(_), Some(ConditionOutcome::Failed(item))) = (separate, outcomes.last()) {
                return Err(revoke_error(item.clone(), now)?);
            }
            let mut remaining = Vec::with_capacity(sessions.len());
            for (session, pair) in sessions.iter().zip(outcomes.chunks(2)) {
                match pair.first() {
                    Some(ConditionOutcome::Failed(item))
                        if request
                            .caller
                            .is_some_and(|caller| caller.session_id == session.id) =>
                    {
                        return Err(revoke_error(item.clone(), now)?);
                    }
                    Some(ConditionOutcome::Failed(_)) => {}
                    _ => remaining.push(*session),
                }
            }
            sessions = remaining;
        }
        Ok(Vec::new())
    }

    /// The update that revokes a session, and its audit event.
    pub(super) fn revoke_actions(
        &self,
        session: &Session,
        reason: RevokeReason,
        event: EventType,
        context: &AuditContext,
        only: RevokeCondition,
    ) -> [Action; 2] {
        let mut changes = Update::default();
        changes
            .set("revoked_at", number(context.at.0))
            .set("revoked_reason", text(reason.as_str()))
            .set("expires_at", number(session.expires_at_if_revoked(context.at).0));
        let condition = match only {
            RevokeCondition::NotRevoked => "attribute_exists(pk) AND attribute_not_exists(revoked_at)",
            RevokeCondition::Active => {
                changes.value(":now", number(context.at.seconds().0));
                "attribute_exists(pk) AND attribute_not_exists(revoked_at) AND expires_at > :now"
            }
            RevokeCondition::UnusedSince => {
                changes.value(":seen", number(session.last_used_at.0));
                "attribute_exists(pk) AND attribute_not_exists(revoked_at) AND last_used_at = :seen"
            }
        };
        let key = ItemKey::session(session.user_id, session.id);
        let event = context.session_event(&self.ids, session, event);
        [
            Action::Update {
                key,
                changes,
                also: "",
                condition: condition.into(),
            },
            Action::Tell {
                event: items::event_item(&event),
            },
        ]
    }
}

pub(super) fn caller_check(caller: SessionRef, now: Millis) -> Action {
    Action::Check {
        key: ItemKey::session(caller.user_id, caller.session_id),
        condition: "attribute_not_exists(revoked_at) AND expires_at > :now",
        values: Attributes::from([(":now".to_owned(), number(now.seconds().0))]),
    }
}

/// Why the caller's session failed its check.
pub(super) fn revoke_error(item: Option<Attributes>, now: Millis) -> Result<RevokeError, StoreError> {
    let session = item.map(items::session).transpose()?;
    Ok(match session.map(|session| session.status(now)) {
        Some(SessionStatus::Revoked(_)) => RevokeError::Revoked,
        Some(SessionStatus::Expired | SessionStatus::Active) | None => RevokeError::Expired,
    })
}
