//! What was found of sessions a short while ago, kept in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::domain::{
    clock::Millis,
    ids::{SessionId, UserId},
};

/// How many sessions are kept at most; each takes about 100 bytes.
const MAX_ENTRIES: usize = 4096;

/// What was found of each session, for a while. Bounded: if too many are young, all are forgotten.
#[derive(Debug)]
pub struct Recent<T> {
    max_age: i64,
    entries: Mutex<HashMap<(UserId, SessionId), (T, Millis)>>,
}

impl<T: Copy> Recent<T> {
    /// Keeps what is found for `max_age_seconds`; nothing if that is 0.
    #[must_use]
    pub fn new(max_age_seconds: i64) -> Self {
        Self {
            max_age: max_age_seconds * 1000,
            entries: Mutex::default(),
        }
    }

    /// What was found of a session, if that is young enough at `now`.
    #[must_use]
    pub fn find(&self, user: UserId, session: SessionId, now: Millis) -> Option<T> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let &(found, at) = entries.get(&(user, session))?;
        at.is_younger_than(self.max_age, now).then_some(found)
    }

    /// Keeps what a read that began at `at` has found.
    pub fn keep(&self, user: UserId, session: SessionId, found: T, at: Millis) {
        if self.max_age == 0 {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, (_, other)| other.is_younger_than(self.max_age, at));
        }
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert((user, session), (found, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Ids;

    fn someone() -> (UserId, SessionId) {
        let ids = Ids::system();
        (ids.user(), ids.session(Millis(0)))
    }

    #[test]
    fn what_was_found_is_kept_for_its_time_and_no_longer() {
        let (recent, (user, session)) = (Recent::new(5), someone());
        recent.keep(user, session, 'a', Millis(10_000));
        assert_eq!(recent.find(user, session, Millis(14_999)), Some('a'));
        assert_eq!(recent.find(user, session, Millis(15_000)), None);
        let before = recent.find(user, session, Millis(9_999));
        assert_eq!(before, None, "the clock was set back");
    }

    #[test]
    fn for_no_time_nothing_is_kept() {
        let (recent, (user, session)) = (Recent::new(0), someone());
        recent.keep(user, session, 'a', Millis(0));
        assert_eq!(recent.find(user, session, Millis(0)), None);
    }

    #[test]
    fn memory_stays_bounded() {
        let recent = Recent::new(300);
        for _ in 0..=MAX_ENTRIES {
            let (user, session) = someone();
            recent.keep(user, session, 'a', Millis(0));
        }
        assert!(recent.entries.lock().unwrap().len() <= MAX_ENTRIES);
    }
}
