//! Audit events: what happened to an account, when and from where.

use serde::{Deserialize, Serialize};

use crate::domain::{
    auth_method::AuthMethod,
    clock::Millis,
    ids::{EventId, Ids, SessionId, UserId},
    session::{Origin, RevokeReason, Session},
};

/// The most events on one page of the trail.
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
    /// A session revoked by its owner or support staff.
    SessionRevoked,
    /// A session revoked when all of them were.
    SessionsRevoked,
    /// A session revoked as its device logged in again.
    SessionSuperseded,
    /// A session revoked as a login exceeded the limit.
    SessionEvicted,
    /// A session revoked as an old refresh token was replayed.
    RefreshTokenReused,
    /// A refresh from another country.
    SessionMoved,
    /// A device that got a name from its owner, or lost it.
    SessionRenamed,
    /// A new password.
    PasswordChanged,
    /// A new address.
    EmailChanged,
    /// A new account.
    AccountCreated,
    /// The account can no longer log in.
    AccountDisabled,
    /// The account can log in again.
    AccountEnabled,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::LoginSucceeded,
        Self::LoginFailed,
        Self::Logout,
        Self::SessionRevoked,
        Self::SessionsRevoked,
        Self::SessionSuperseded,
        Self::SessionEvicted,
        Self::RefreshTokenReused,
        Self::SessionMoved,
        Self::SessionRenamed,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::AccountCreated,
        Self::AccountDisabled,
        Self::AccountEnabled,
    ];

    /// Its name, as stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginSucceeded => "login_succeeded",
            Self::LoginFailed => "login_failed",
            Self::Logout => "logout",
            Self::SessionRevoked => "session_revoked",
            Self::SessionsRevoked => "sessions_revoked",
            Self::SessionSuperseded => "session_superseded",
            Self::SessionEvicted => "session_evicted",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::SessionMoved => "session_moved",
            Self::SessionRenamed => "session_renamed",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::AccountCreated => "account_created",
            Self::AccountDisabled => "account_disabled",
            Self::AccountEnabled => "account_enabled",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The event that records a revocation for this reason.
    #[must_use]
    pub const fn for_revocation(reason: RevokeReason) -> Self {
        match reason {
            RevokeReason::Logout => Self::Logout,
            RevokeReason::Revoked | RevokeReason::Admin | RevokeReason::Restored => Self::SessionRevoked,
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
    /// The session, if it concerns one.
    pub session_id: Option<SessionId>,
    /// That session's device.
    pub device_name: Option<String>,
    /// How its owner proved who they are, if it is a login.
    pub amr: Option<Vec<AuthMethod>>,
    /// Where the request that caused it came from.
    pub origin: Origin,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// Who caused it, if it was not the account's owner.
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
    /// Who, if it is not the account's owner.
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
            amr: None,
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
            device_name: Some(session.shown_name().to_owned()),
            amr: (event_type == EventType::LoginSucceeded).then(|| session.amr.clone()),
            ..self.event(ids, session.user_id, event_type)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::{IntoDeserializer, value::Error};

    use super::*;

    #[test]
    fn all_types_are_listed_with_the_names_that_are_stored() {
        let unknown: Error = EventType::deserialize("unknown".into_deserializer()).unwrap_err();
        let stored = unknown.to_string().matches('`').count() / 2 - 1;
        assert_eq!(EventType::ALL.len(), stored, "{unknown}");
        for known in EventType::ALL {
            assert_eq!(serde_json::to_value(known).unwrap(), known.name());
            assert_eq!(EventType::parse(known.name()), Some(known));
        }
        assert_eq!(EventType::parse("Logout"), None);
    }
}
