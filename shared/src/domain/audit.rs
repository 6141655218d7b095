//! Audit events: what happened to an account, when and from where.

use serde::{Deserialize, Serialize};

use crate::domain::{
    clock::Millis,
    ids::{EventId, Ids, SessionId, UserId},
    session::{Origin, RevokeReason, Session},
};

/// How many events a page of the trail may have.
pub const MAX_EVENTS_PER_PAGE: u8 = 100;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// A login.
    LoginSucceeded,
    /// A refused login.
    LoginFailed,
    /// A session's own logout.
    Logout,
    /// One session ended by its owner or by support staff.
    SessionRevoked,
    /// A session ended by a command that ends all.
    SessionsRevoked,
    /// A session ended because its device logged in again.
    SessionSuperseded,
    /// A session ended because a login went above the limit.
    SessionEvicted,
    /// A session ended because an old refresh token of it was replayed.
    RefreshTokenReused,
    /// A refresh from another country.
    SessionMoved,
    /// A new password.
    PasswordChanged,
    /// A new account.
    AccountCreated,
    /// The account can no longer log in.
    AccountDisabled,
    /// The account can log in again.
    AccountEnabled,
}

impl EventType {
    /// The event that tells of a session's end for this reason.
    #[must_use]
    pub const fn for_revocation(reason: RevokeReason) -> Self {
        match reason {
            RevokeReason::Logout => Self::Logout,
            RevokeReason::Revoked | RevokeReason::Admin => Self::SessionRevoked,
            RevokeReason::LogoutAll | RevokeReason::AccountDisabled | RevokeReason::PasswordChanged => {
                Self::SessionsRevoked
            }
            RevokeReason::Superseded => Self::SessionSuperseded,
            RevokeReason::SessionLimit => Self::SessionEvicted,
            RevokeReason::RefreshTokenReuse => Self::RefreshTokenReused,
        }
    }
}

/// An entry of an account's audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its id, which sorts by time.
    pub id: EventId,
    /// Whose trail it belongs to.
    pub user_id: UserId,
    /// What happened.
    pub event_type: EventType,
    /// When.
    pub at: Millis,
    /// To which session, where it concerns one.
    pub session_id: Option<SessionId>,
    /// That session's device.
    pub device_name: Option<String>,
    /// Where the request that caused it came from.
    pub origin: Origin,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// Who caused it, when it was not the account's owner.
    pub actor: Option<String>,
}

/// What the events of one request have in common.
#[derive(Clone, Debug)]
pub struct AuditContext {
    /// When.
    pub at: Millis,
    /// Where the request came from.
    pub origin: Origin,
    /// The request.
    pub request_id: Option<String>,
    /// Who, when it is not the account's owner.
    pub actor: Option<String>,
}

impl AuditContext {
    /// An event about the account as a whole.
    #[must_use]
    pub fn event(&self, ids: &Ids, user_id: UserId, event_type: EventType) -> AuditEvent {
        AuditEvent {
            id: ids.event(self.at),
            user_id,
            event_type,
            at: self.at,
            session_id: None,
            device_name: None,
            origin: self.origin.clone(),
            request_id: self.request_id.clone(),
            actor: self.actor.clone(),
        }
    }

    /// An event about one session.
    #[must_use]
    pub fn session_event(&self, ids: &Ids, session: &Session, event_type: EventType) -> AuditEvent {
        AuditEvent {
            session_id: Some(session.id),
            device_name: Some(session.device_name.clone()),
            ..self.event(ids, session.user_id, event_type)
        }
    }
}
