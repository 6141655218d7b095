//! Remembers the status of sessions for a short while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use shared::domain::{
    clock::{Millis, Seconds},
    ids::{SessionId, UserId},
};

/// How many sessions are remembered at most; each takes about 100 bytes.
const MAX_ENTRIES: usize = 4096;

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
pub(crate) struct SessionCache {
    max_age: i64,
    entries: Mutex<HashMap<(UserId, SessionId), (CachedStatus, Millis)>>,
}

impl SessionCache {
    pub fn new(max_staleness_seconds: i64) -> Self {
        Self {
            max_age: max_staleness_seconds * 1000,
            entries: Mutex::default(),
        }
    }

    /// The cached status, if it still tells anything: a session whose expiry has passed may have been refreshed since.
    pub fn find(&self, user: UserId, session: SessionId, now: Millis) -> Option<CachedStatus> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let &(seen, at) = entries.get(&(user, session))?;
        let tells = match seen {
            CachedStatus::ActiveUntil(end) => now.seconds() < end,
            CachedStatus::Over => true,
        };
        (tells && self.is_young(at, now)).then_some(seen)
    }

    /// Caches the state found by a read that began at `at`.
    pub fn keep(&self, user: UserId, session: SessionId, seen: CachedStatus, at: Millis) {
        if self.max_age == 0 {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, (_, other)| self.is_young(*other, at));
        }
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert((user, session), (seen, at));
    }

    /// If the clock was set back, an entry's age is unknown.
    fn is_young(&self, at: Millis, now: Millis) -> bool {
        at <= now && now.0 - at.0 < self.max_age
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::ids::Ids;

    use super::*;

    const ACTIVE: CachedStatus = CachedStatus::ActiveUntil(Seconds(100));

    fn someone() -> (UserId, SessionId) {
        let ids = Ids::system();
        (ids.user(), ids.session(Millis(0)))
    }

    #[test]
    fn what_was_seen_is_believed_for_the_staleness_and_no_longer() {
        let (sessions, (user, session)) = (SessionCache::new(5), someone());
        for seen in [ACTIVE, CachedStatus::Over] {
            sessions.keep(user, session, seen, Millis(10_000));
            assert_eq!(sessions.find(user, session, Millis(14_999)), Some(seen));
            assert_eq!(sessions.find(user, session, Millis(15_000)), None);
            assert_eq!(
                sessions.find(user, session, Millis(9_999)),
                None,
                "the clock was set back"
            );
        }
    }

    #[test]
    fn without_staleness_nothing_is_kept() {
        let (sessions, (user, session)) = (SessionCache::new(0), someone());
        sessions.keep(user, session, ACTIVE, Millis(0));
        assert_eq!(sessions.find(user, session, Millis(0)), None);
    }

    #[test]
    fn an_end_that_was_seen_may_have_moved() {
        let (sessions, (user, session)) = (SessionCache::new(300), someone());
        sessions.keep(user, session, ACTIVE, Millis(90_000));
        assert_eq!(sessions.find(user, session, Millis(99_999)), Some(ACTIVE));
        assert_eq!(sessions.find(user, session, Millis(100_000)), None);
    }

    #[test]
    fn memory_stays_bounded() {
        let sessions = SessionCache::new(300);
        for _ in 0..=MAX_ENTRIES {
            let (user, session) = someone();
            sessions.keep(user, session, ACTIVE, Millis(0));
        }
        assert!(sessions.entries.lock().unwrap().len() <= MAX_ENTRIES);
    }
}
