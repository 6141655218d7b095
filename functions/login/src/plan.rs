//! Which sessions a login revokes, and which stale records it deletes.

use std::cmp::Reverse;

use shared::domain::{
    clock::Millis,
    ids::SessionId,
    session::{RevokeReason, Session},
};

/// How many revoked sessions are kept, so that their phones learn why.
const KEPT_ENDED: usize = 20;
/// How many records one login deletes at most.
const MAX_SWEPT: usize = 10;

/// What a login does besides creating the session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Active sessions to revoke.
    pub revoke: Vec<(Session, RevokeReason)>,
    /// Records to delete: expired or revoked, never active again.
    pub stale: Vec<SessionId>,
}

/// Revokes the sessions of the same device, and the least recently used ones above the limit.
pub(crate) fn plan(sessions: &[Session], new: &Session, now: Millis, limit: usize) -> Plan {
    let mut active: Vec<_> = sessions
        .iter()
        .filter(|session| session.may_be_active(now))
        .collect();
    active.sort_by_key(|session| (session.last_used_at, session.id));
    let same_device = |session: &&Session| session.device_id.is_some() && session.device_id == new.device_id;
    let (same, mut others): (Vec<_>, Vec<_>) = active.into_iter().partition(same_device);
    // One that has just expired takes no other's place.
    others.retain(|session| session.is_active(now));

    let surplus = (others.len() + 1).saturating_sub(limit);
    let superseded = same
        .into_iter()
        .map(|session| (session.clone(), RevokeReason::Superseded));
    let evicted = others
        .into_iter()
        .take(surplus)
        .map(|session| (session.clone(), RevokeReason::SessionLimit));
    Plan {
        revoke: superseded.chain(evicted).collect(),
        stale: stale(sessions, now),
    }
}

fn stale(sessions: &[Session], now: Millis) -> Vec<SessionId> {
    let (past, present): (Vec<_>, Vec<_>) = sessions.iter().partition(|session| session.is_past(now));
    let mut ended: Vec<_> = present
        .into_iter()
        .filter_map(|session| Some((session.revocation?.at, session.id)))
        .collect();
    ended.sort_by_key(|&(at, id)| (Reverse(at), id));
    let ended = ended.into_iter().skip(KEPT_ENDED).map(|(_, id)| id);
    past.into_iter()
        .map(|session| session.id)
        .chain(ended)
        .take(MAX_SWEPT)
        .collect()
}

#[cfg(test)]
mod tests {
    use shared::domain::{
        ids::Ids,
        session::{CLOCKS_APART, Revocation},
    };

    use super::*;

    const NOW: Millis = Millis(100_000_000);

    fn sessions(count: i64) -> Vec<Session> {
        let ids = Ids::sequence(1);
        let user = ids.user();
        (0..count)
            .map(|age| Session {
                last_used_at: Millis(90_000_000 - age),
                ..Session::begin(&ids, user, Millis(50_000_000), 150_000, 850_000)
            })
            .collect()
    }

    fn new_on(device: Option<&str>) -> Session {
        Session {
            device_id: device.map(str::to_owned),
            ..sessions(1).remove(0)
        }
    }

    #[test]
    fn the_least_recently_used_ones_above_the_limit_end() {
        let active = sessions(5);
        let plan = plan(&active, &new_on(None), NOW, 3);
        let expected: Vec<_> = [4, 3, 2]
            .map(|index: usize| (active[index].clone(), RevokeReason::SessionLimit))
            .into();
        assert_eq!(plan.revoke, expected);
    }

    #[test]
    fn below_the_limit_nothing_ends() {
        assert!(plan(&sessions(2), &new_on(None), NOW, 3).revoke.is_empty());
    }

    #[test]
    fn the_same_device_makes_room_for_itself() {
        let mut active = sessions(3);
        active[0].device_id = Some("phone".to_owned());
        let plan = plan(&active, &new_on(Some("phone")), NOW, 3);
        assert_eq!(plan.revoke, [(active[0].clone(), RevokeReason::Superseded)]);
    }

    #[test]
    fn devices_without_an_id_are_never_the_same() {
        assert!(plan(&sessions(2), &new_on(None), NOW, 20).revoke.is_empty());
    }

    #[test]
    fn expired_and_ended_sessions_count_for_nothing() {
        let mut old = sessions(3);
        old[0].expires_at = NOW.seconds();
        old[1].revocation = Some(Revocation {
            at: NOW,
            reason: RevokeReason::Revoked,
        });
        assert!(plan(&old, &new_on(None), NOW, 2).revoke.is_empty());
    }

    #[test]
    fn only_records_that_are_surely_over_are_swept() {
        let mut old = sessions(4);
        old[0].expires_at = NOW.seconds().plus(-CLOCKS_APART);
        old[1].expires_at = NOW.seconds().plus(1 - CLOCKS_APART);
        old[2].revocation = Some(Revocation {
            at: NOW,
            reason: RevokeReason::Revoked,
        });
        assert_eq!(plan(&old, &new_on(None), NOW, 20).stale, [old[0].id]);
    }

    #[test]
    fn ended_records_never_pile_up() {
        let mut old = sessions(40);
        for (index, session) in (0..).zip(&mut old) {
            session.revocation = Some(Revocation {
                at: Millis(80_000_000 + index),
                reason: RevokeReason::Logout,
            });
        }
        let swept = plan(&old, &new_on(None), NOW, 20).stale;
        assert_eq!(swept.len(), MAX_SWEPT);
        assert!(old[20..].iter().all(|recent| !swept.contains(&recent.id)));
    }
}
