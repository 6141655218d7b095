//! Why a rotation was refused, as the stored session tells.

use shared::domain::{
    clock::{Millis, Seconds},
    ids::TokenId,
    session::{Rotation, Session, SessionStatus},
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
    /// Now.
    pub now: Millis,
    /// How many seconds after a rotation the previous token still gets the successor.
    pub grace_seconds: i64,
}

/// What a refused rotation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationRefusal<'a> {
    /// The session expired, was deleted, or is from a backup older than the token.
    Expired,
    /// The session is revoked. This is not theft, so nothing more is done.
    Revocation,
    /// An earlier attempt of this same request succeeded, and its answer was lost.
    OwnRetry,
    /// The phone retries a refresh whose answer it never got: it gets the same successor, and nothing is written.
    SameSuccessor {
        /// The `jti` that replaced it.
        successor: &'a TokenId,
        /// The successor's `iat`.
        rotated_at: Millis,
        /// When the session expires.
        expires_at: Seconds,
    },
    /// An old token is replayed, so two parties hold tokens of this session.
    Theft(&'a Session),
}

/// Classifies a refusal by the session as it stood when the condition failed. The order of the rules matters.
#[must_use]
pub fn classify<'a>(session: Option<&'a Session>, attempt: &Attempt<'_>) -> RotationRefusal<'a> {
    let Some(session) = session else {
        return RotationRefusal::Expired;
    };
    let status = session.status(attempt.now);
    if let SessionStatus::Revoked(_) = status {
        return RotationRefusal::Revocation;
    }
    // Only this request knew the successor, so it was applied. It may even have been used by now, by another request
    // with the same token that got it too.
    let used = session.rotation.as_ref().map(|rotation| &rotation.previous_jti);
    if session.refresh_jti == *attempt.successor || used == Some(attempt.successor) {
        return RotationRefusal::OwnRetry;
    }
    if status == SessionStatus::Expired {
        return RotationRefusal::Expired;
    }
    if let Some(rotation) = &session.rotation
        && rotation.previous_jti == *attempt.presented
        && (same_request(rotation, attempt) || within_grace(rotation, attempt))
    {
        return RotationRefusal::SameSuccessor {
            successor: &session.refresh_jti,
            rotated_at: rotation.at,
            expires_at: session.expires_at,
        };
    }
    let last_issue = session
        .rotation
        .as_ref()
        .map_or(session.created_at, |rotation| rotation.at);
    if attempt.issued_at > last_issue.seconds() || session.refresh_jti == *attempt.presented {
        return RotationRefusal::Expired;
    }
    RotationRefusal::Theft(session)
}

fn same_request(rotation: &Rotation, attempt: &Attempt<'_>) -> bool {
    matches!((&rotation.idempotency_hash, attempt.idempotency_hash), (Some(stored), Some(given)) if stored == given)
}

/// The window ends exactly `grace_seconds` after the rotation and never restarts.
fn within_grace(rotation: &Rotation, attempt: &Attempt<'_>) -> bool {
    attempt.now.0 - rotation.at.0 < attempt.grace_seconds * 1000
}

#[cfg(test)]
mod tests {
    use shared::domain::{
        ids::Ids,
        session::{Origin, Revocation, RevokeReason},
    };

    use super::*;

    struct Case {
        session: Session,
        presented: TokenId,
        successor: TokenId,
        idempotency_hash: Option<[u8; 32]>,
        issued_at: i64,
        now: i64,
    }

    impl Case {
        /// A session rotated at second 1000 with key 7, whose previous token is replayed at 1010.
        fn new() -> Self {
            let ids = Ids::sequence(1);
            let previous = ids.token();
            let session = Session {
                user_id: ids.user(),
                id: ids.session(Millis(500_000)),
                refresh_jti: ids.token(),
                rotation: Some(Rotation {
                    previous_jti: previous.clone(),
                    at: Millis(1_000_000),
                    idempotency_hash: Some([7; 32]),
                }),
                rotation_count: 1,
                device_name: String::new(),
                device_id: None,
                origin: Origin::default(),
                created_at: Millis(500_000),
                last_used_at: Millis(1_000_000),
                expires_at: Seconds(5000),
                absolute_expires_at: Seconds(9000),
                revocation: None,
            };
            Self {
                session,
                presented: previous,
                successor: ids.token(),
                idempotency_hash: None,
                issued_at: 500,
                now: 1010,
            }
        }

        fn verdict(&self) -> RotationRefusal<'_> {
            let attempt = Attempt {
                presented: &self.presented,
                successor: &self.successor,
                idempotency_hash: self.idempotency_hash.as_ref(),
                issued_at: Seconds(self.issued_at),
                now: Millis(self.now * 1000),
                grace_seconds: 30,
            };
            classify(Some(&self.session), &attempt)
        }

        fn gets_the_successor(&self) -> bool {
            self.verdict()
                == RotationRefusal::SameSuccessor {
                    successor: &self.session.refresh_jti,
                    rotated_at: Millis(1_000_000),
                    expires_at: Seconds(5000),
                }
        }
    }

    #[test]
    fn the_grace_window_ends_on_the_millisecond() {
        assert!(Case::new().gets_the_successor());
        let mut late = Case {
            now: 1030,
            ..Case::new()
        };
        assert_eq!(late.verdict(), RotationRefusal::Theft(&late.session));
        late.session.rotation.as_mut().unwrap().at = Millis(1_000_001);
        assert!(matches!(late.verdict(), RotationRefusal::SameSuccessor { .. }));
    }

    #[test]
    fn the_idempotency_key_of_the_rotation_opens_at_any_time() {
        assert!(
            Case {
                idempotency_hash: Some([7; 32]),
                now: 4999,
                ..Case::new()
            }
            .gets_the_successor()
        );
        let other = Case {
            idempotency_hash: Some([8; 32]),
            now: 4999,
            ..Case::new()
        };
        assert_eq!(other.verdict(), RotationRefusal::Theft(&other.session));
        let expired = Case {
            idempotency_hash: Some([7; 32]),
            now: 5000,
            ..Case::new()
        };
        assert_eq!(expired.verdict(), RotationRefusal::Expired);
    }

    #[test]
    fn an_older_ancestor_is_theft_within_the_window_and_with_any_key() {
        let ancestor = Ids::sequence(900).token();
        let case = Case {
            presented: ancestor,
            idempotency_hash: Some([7; 32]),
            ..Case::new()
        };
        assert_eq!(case.verdict(), RotationRefusal::Theft(&case.session));
    }

    #[test]
    fn a_token_issued_after_the_last_rotation_comes_from_before_a_restore() {
        let unknown = Ids::sequence(900).token();
        let case = Case {
            presented: unknown.clone(),
            issued_at: 1001,
            ..Case::new()
        };
        assert_eq!(case.verdict(), RotationRefusal::Expired);
        let mut never_rotated = Case {
            presented: unknown,
            issued_at: 501,
            ..Case::new()
        };
        never_rotated.session.rotation = None;
        assert_eq!(never_rotated.verdict(), RotationRefusal::Expired);
    }

    #[test]
    fn an_ended_session_is_told_before_all_else() {
        let mut case = Case::new();
        case.session.revocation = Some(Revocation {
            at: Millis(1_005_000),
            reason: RevokeReason::Revoked,
        });
        case.session.refresh_jti = case.successor.clone();
        assert_eq!(case.verdict(), RotationRefusal::Revocation);
    }

    #[test]
    fn our_own_retry_succeeds() {
        let mut case = Case::new();
        case.session.refresh_jti = case.successor.clone();
        assert_eq!(case.verdict(), RotationRefusal::OwnRetry);
    }

    #[test]
    fn our_own_retry_succeeds_although_its_successor_was_used_meanwhile() {
        let mut case = Case::new();
        case.presented = Ids::sequence(900).token();
        case.session.rotation.as_mut().unwrap().previous_jti = case.successor.clone();
        assert_eq!(case.verdict(), RotationRefusal::OwnRetry);
    }

    #[test]
    fn no_record_and_an_expired_one_say_the_same() {
        let case = Case {
            now: 5000,
            ..Case::new()
        };
        assert_eq!(case.verdict(), RotationRefusal::Expired);
        let attempt = Attempt {
            presented: &case.presented,
            successor: &case.successor,
            idempotency_hash: None,
            issued_at: Seconds(0),
            now: Millis(0),
            grace_seconds: 30,
        };
        assert_eq!(classify(None, &attempt), RotationRefusal::Expired);
    }
}
