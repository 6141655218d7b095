//! Remembers the status of sessions for a short while.

use shared::{
    auth::Recent,
    domain::{
        clock::{Millis, Seconds},
        ids::{SessionId, UserId},
    },
};

/// State of a session when read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CachedStatus {
    /// Active at least until then; a refresh may have extended it since.
    ActiveUntil(Seconds),
    /// Revoked, expired or gone. It never comes back.
    Over,
}

/// Sessions looked up within the last `AUTHORIZER_MAX_STALENESS_SECONDS`; none if that is 0.
#[derive(Debug)]
pub(crate) struct SessionCache(Recent<CachedStatus>);

impl SessionCache {
    pub fn new(max_staleness_seconds: i64) -> Self {
        Self(Recent::new(max_staleness_seconds))
    }

    /// The cached status, if it still tells anything: a session whose expiry has passed may have been refreshed since.
    pub fn find(&self, user: UserId, session: SessionId, now: Millis) -> Option<CachedStatus> {
        self.0.find(user, session, now).filter(|seen| match seen {
            CachedStatus::ActiveUntil(end) => now.seconds() < *end,
            CachedStatus::Over => true,
        })
    }

    /// Caches the state found by a read that began at `at`.
    pub fn keep(&self, user: UserId, session: SessionId, seen: CachedStatus, at: Millis) {
        self.0.keep(user, session, seen, at);
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::ids::Ids;

    use super::*;

    const ACTIVE: CachedStatus = CachedStatus::ActiveUntil(Seconds(100));

    #[test]
    fn an_end_that_was_seen_may_have_moved() {
        let ids = Ids::system();
        let (sessions, user, session) = (SessionCache::new(300), ids.user(), ids.session(Millis(0)));
        sessions.keep(user, session, ACTIVE, Millis(90_000));
        assert_eq!(sessions.find(user, session, Millis(99_999)), Some(ACTIVE));
        assert_eq!(sessions.find(user, session, Millis(100_000)), None);
        sessions.keep(user, session, CachedStatus::Over, Millis(90_000));
        assert_eq!(
            sessions.find(user, session, Millis(100_000)),
            Some(CachedStatus::Over)
        );
    }
}
