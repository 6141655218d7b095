//! Why a rotation was refused, as the stored session tells.

use shared::domain::{
    clock::{Millis, Seconds},
    ids::TokenId,
    session::{Lineage, Rotation, Session, SessionStatus},
};

/// A refresh whose condition failed.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The presented `jti`.
    pub presented: &'a TokenId,
    /// The `jti` meant to replace it.
    pub successor: &'a TokenId,
    /// SHA-256 of the request's `Idempotency-Key`.
    pub idempotency_hash: Option<&'a [u8; 32]>,
    /// When the presented token was issued.
    pub issued_at: Seconds,
    /// The time that the condition used: now, but never before `issued_at`.
    pub at: Millis,
    /// How many seconds after a rotation the previous token is no theft yet.
    pub grace_seconds: i64,
}

/// What a refused rotation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationRefusal<'a> {
    /// The session expired, or its record is gone.
    Expired,
    /// The session is revoked. This is not theft, so nothing more is done.
    Revoked,
    /// An earlier attempt of this same request succeeded, and its answer was lost.
    OwnRetry(&'a Session),
    /// The phone retries a refresh whose answer it never got: it gets the same successor, and nothing is written.
    SameSuccessor {
        /// The session, whose current token is the successor.
        session: &'a Session,
        /// The successor's `iat`.
        rotated_at: Millis,
    },
    /// Not the request that rotated: a second process of the app, or a thief who watches. Nothing is given.
    Conflict {
        /// When the same request decides, in seconds from now.
        retry_after: i64,
    },
    /// All that the condition demands holds. It cannot be, so it is not called theft.
    Unexplained,
    /// The table was restored from a backup: only old copies of tokens can use this session.
    Restored(&'a Session),
    /// An old token is replayed, so two parties hold tokens of this session.
    Theft(&'a Session),
}

/// Classifies a refusal by the session as it stood when the condition failed. The order of the rules matters.
#[must_use]
pub fn classify<'a>(session: Option<&'a Session>, attempt: &Attempt<'_>) -> RotationRefusal<'a> {
    let Some(session) = session else {
        return RotationRefusal::Expired;
    };
    let status = session.status(attempt.at);
    if let SessionStatus::Revoked(_) = status {
        return RotationRefusal::Revoked;
    }
    // Only this request knew the successor, so it was applied.
    if session.refresh_jti == *attempt.successor {
        return RotationRefusal::OwnRetry(session);
    }
    // It was applied, and somebody who got the same successor has used it meanwhile.
    let previous = session.rotation.as_ref().map(|rotation| &rotation.previous_jti);
    if previous == Some(attempt.successor) {
        return RotationRefusal::Conflict { retry_after: 1 };
    }
    if status == SessionStatus::Expired {
        return RotationRefusal::Expired;
    }
    match session.lineage(attempt.presented, attempt.issued_at) {
        Lineage::Current => RotationRefusal::Unexplained,
        Lineage::Previous(rotation) => previous_token(session, rotation, attempt),
        Lineage::Newer => RotationRefusal::Restored(session),
        Lineage::Ancestor => RotationRefusal::Theft(session),
    }
}

/// The token that was exchanged last. Only the request that exchanged it gets the successor: one with the same key at any
/// time, or, if neither has a key, one within the window, which ends on the millisecond and never restarts.
fn previous_token<'a>(
    session: &'a Session,
    rotation: &Rotation,
    attempt: &Attempt<'_>,
) -> RotationRefusal<'a> {
    let window = attempt.grace_seconds * 1000;
    let left = (rotation.at.0 + window - attempt.at.0).min(window);
    let is_same_request = match (&rotation.idempotency_hash, attempt.idempotency_hash) {
        (Some(stored), Some(given)) => stored == given,
        (None, None) => left > 0,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if is_same_request {
        let rotated_at = rotation.at;
        RotationRefusal::SameSuccessor { session, rotated_at }
    } else if left > 0 {
        let retry_after = (left + 999) / 1000;
        RotationRefusal::Conflict { retry_after }
    } else {
        RotationRefusal::Theft(session)
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::{
        ids::Ids,
        session::{Revocation, RevokeReason},
    };

    use super::*;

    struct Case {
        session: Session,
        presented: TokenId,
        successor: TokenId,
        idempotency_hash: Option<[u8; 32]>,
        issued_at: i64,
        at: i64,
    }

    impl Case {
        /// A session rotated at second 1000 with key 7, whose previous token comes back at 1010 with the same key.
        fn new() -> Self {
            let ids = Ids::sequence(1);
            let previous = ids.token();
            let session = Session {
                rotation: Some(Rotation {
                    previous_jti: previous.clone(),
                    at: Millis(1_000_000),
                    idempotency_hash: Some([7; 32]),
                }),
                rotation_count: 1,
                last_used_at: Millis(1_000_000),
                ..Session::begin(&ids, ids.user(), Millis(500_000), 4500, 8500)
            };
            Self {
                session,
                presented: previous,
                successor: ids.token(),
                idempotency_hash: Some([7; 32]),
                issued_at: 500,
                at: 1_010_000,
            }
        }

        /// Neither the rotation nor the request has a key.
        fn without_keys() -> Self {
            let mut case = Self {
                idempotency_hash: None,
                ..Self::new()
            };
            case.rotation().idempotency_hash = None;
            case
        }

        /// A token that the record does not know.
        fn unknown(issued_at: i64) -> Self {
            Self {
                presented: Ids::sequence(900).token(),
                issued_at,
                ..Self::new()
            }
        }

        fn at(self, at: i64) -> Self {
            Self { at, ..self }
        }

        fn with_key(self, key: Option<u8>) -> Self {
            let idempotency_hash = key.map(|key| [key; 32]);
            Self {
                idempotency_hash,
                ..self
            }
        }

        fn rotation(&mut self) -> &mut Rotation {
            self.session.rotation.as_mut().unwrap()
        }

        fn verdict(&self) -> RotationRefusal<'_> {
            classify(Some(&self.session), &self.attempt())
        }

        fn attempt(&self) -> Attempt<'_> {
            Attempt {
                presented: &self.presented,
                successor: &self.successor,
                idempotency_hash: self.idempotency_hash.as_ref(),
                issued_at: Seconds(self.issued_at),
                at: Millis(self.at),
                grace_seconds: 30,
            }
        }

        fn assert_same_successor(&self) {
            let rotated_at = Millis(1_000_000);
            let session = &self.session;
            assert_eq!(
                self.verdict(),
                RotationRefusal::SameSuccessor { session, rotated_at }
            );
        }

        fn assert_conflict(&self, retry_after: i64) {
            assert_eq!(self.verdict(), RotationRefusal::Conflict { retry_after });
        }

        fn assert_theft(&self) {
            assert_eq!(self.verdict(), RotationRefusal::Theft(&self.session));
        }
    }

    #[test]
    fn the_key_of_the_rotation_gets_the_successor_while_the_session_lives() {
        Case::new().assert_same_successor();
        Case::new().at(4_999_999).assert_same_successor();
        assert_eq!(Case::new().at(5_000_000).verdict(), RotationRefusal::Expired);
    }

    #[test]
    fn without_keys_the_successor_is_given_until_the_window_ends_on_the_millisecond() {
        Case::without_keys().assert_same_successor();
        Case::without_keys().at(1_029_999).assert_same_successor();
        Case::without_keys().at(1_030_000).assert_theft();
    }

    #[test]
    fn another_key_or_a_missing_one_is_a_conflict_within_the_window_and_theft_after_it() {
        let cases: [fn() -> Case; 3] = [
            || Case::new().with_key(Some(8)),
            || Case::new().with_key(None),
            || Case::without_keys().with_key(Some(7)),
        ];
        for case in cases {
            case().assert_conflict(20);
            case().at(1_000_000).assert_conflict(30);
            case().at(1_000_001).assert_conflict(30);
            case().at(1_029_999).assert_conflict(1);
            case().at(1_030_000).assert_theft();
        }
    }

    #[test]
    fn a_machine_whose_clock_is_behind_asks_for_no_longer_wait_than_the_window() {
        Case::new().with_key(None).at(900_000).assert_conflict(30);
    }

    #[test]
    fn an_ancestor_is_theft_within_the_window_and_with_any_key() {
        Case::unknown(500).assert_theft();
        Case::unknown(1000).assert_theft();
    }

    #[test]
    fn a_token_newer_than_its_record_tells_of_a_restored_table() {
        let case = Case::unknown(1001);
        assert_eq!(case.verdict(), RotationRefusal::Restored(&case.session));
        let mut never_rotated = Case::unknown(501);
        never_rotated.session.rotation = None;
        let session = &never_rotated.session;
        assert_eq!(never_rotated.verdict(), RotationRefusal::Restored(session));
    }

    #[test]
    fn a_revoked_session_is_told_before_all_else() {
        let mut case = Case::new();
        case.session.revocation = Some(Revocation {
            at: Millis(1_005_000),
            reason: RevokeReason::Revoked,
        });
        case.session.refresh_jti = case.successor.clone();
        assert_eq!(case.verdict(), RotationRefusal::Revoked);
    }

    #[test]
    fn our_own_retry_succeeds() {
        let mut case = Case::new();
        case.session.refresh_jti = case.successor.clone();
        assert_eq!(case.verdict(), RotationRefusal::OwnRetry(&case.session));
    }

    #[test]
    fn our_own_retry_whose_successor_was_used_meanwhile_is_a_conflict() {
        let mut case = Case::unknown(500);
        let successor = case.successor.clone();
        case.rotation().previous_jti = successor;
        case.assert_conflict(1);
    }

    #[test]
    fn a_refusal_that_the_record_does_not_explain_is_no_theft() {
        let mut case = Case::new();
        case.session.refresh_jti = case.presented.clone();
        assert_eq!(case.verdict(), RotationRefusal::Unexplained);
    }

    #[test]
    fn no_record_and_an_expired_one_say_the_same() {
        let case = Case::new().at(5_000_000);
        assert_eq!(case.verdict(), RotationRefusal::Expired);
        assert_eq!(classify(None, &case.attempt()), RotationRefusal::Expired);
    }
}
