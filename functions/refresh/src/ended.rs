//! Sessions that this instance has found over.
//!
//! Every refused refresh costs a conditional write, and whoever has one valid token of an ended session could have any
//! number of them made. What is over never comes back, so it is asked once a minute.

use std::sync::Arc;

use shared::{
    Error,
    auth::Recent,
    domain::{
        clock::Millis,
        ids::{SessionId, UserId},
        session::Session,
    },
};

/// How long an end is not asked for again, in seconds.
const MAX_AGE: i64 = 60;

/// How a session ended.
#[derive(Clone, Copy, Debug)]
enum End {
    Expired,
    Revoked,
}

/// Clones share it.
#[derive(Clone)]
pub(crate) struct EndedSessions(Arc<Recent<End>>);

impl Default for EndedSessions {
    fn default() -> Self {
        Self(Arc::new(Recent::new(MAX_AGE)))
    }
}

impl EndedSessions {
    /// The refusal of a session that was found over.
    pub fn find(&self, user: UserId, session: SessionId, now: Millis) -> Option<Error> {
        let end = self.0.find(user, session, now)?;
        Some(match end {
            End::Expired => Error::SessionExpired,
            End::Revoked => Error::SessionRevoked,
        })
    }

    /// Keeps what a refused write has found, if nothing can change it any more: one that has just expired may still be
    /// refreshed or revoked by a machine whose clock is behind.
    pub fn keep(&self, user: UserId, id: SessionId, session: Option<&Session>, now: Millis) {
        let end = match session {
            Some(session) if session.revocation.is_some() => End::Revoked,
            Some(session) if session.may_be_active(now) => return,
            Some(_) | None => End::Expired,
        };
        self.0.keep(user, id, end, now);
    }
}
