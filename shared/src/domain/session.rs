//! Sessions: one login on one device, and how it ends.

use std::net::IpAddr;

use crate::domain::{
    auth_method::AuthMethod,
    clock::{DAY, Millis, Seconds},
    error::Error,
    ids::{Ids, SessionId, TokenId, UserId},
};

/// Upper bound on clock skew between our machines, in seconds.
pub const CLOCKS_APART: i64 = 300;

/// One login on one device. The stored record alone says whether it is valid; tokens only refer to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub user_id: UserId,
    /// Its id: the tokens' `sid`.
    pub id: SessionId,
    /// The `jti` of the refresh token the next refresh must present.
    pub refresh_jti: TokenId,
    /// The last rotation, if there was one.
    pub rotation: Option<Rotation>,
    /// How often it has been refreshed.
    pub rotation_count: u64,
    /// The device's name, as it sends it.
    pub device_name: String,
    /// The device's name, as its owner calls it: shown before the other.
    pub given_name: Option<String>,
    /// The device's own id, if the app sends one.
    pub device_id: Option<String>,
    /// Where it was last used from.
    pub origin: Origin,
    /// When its owner logged in.
    pub created_at: Millis,
    /// When its owner proved who they are (`OpenID` Connect Core §2).
    pub auth_time: Millis,
    /// How.
    pub amr: Vec<AuthMethod>,
    /// When it was last refreshed, or created.
    pub last_used_at: Millis,
    /// When it expires unless it is refreshed.
    pub expires_at: Seconds,
    /// When it expires regardless.
    pub absolute_expires_at: Seconds,
    /// The ticket that opened it, if one did.
    pub redemption: Option<Redemption>,
    /// When and why it was revoked, if so.
    pub revocation: Option<Revocation>,
}

/// Identifies a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRef {
    /// Whose it is.
    pub user_id: UserId,
    /// Which it is.
    pub session_id: SessionId,
}

/// What a refresh token is in the history of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lineage<'a> {
    /// The one that the next refresh must present.
    Current,
    /// The one that was exchanged for it, by this rotation.
    Previous(&'a Rotation),
    /// Issued after all that the record knows of: the table was restored from a backup.
    Newer,
    /// Exchanged before the previous one: two parties hold tokens of this session.
    Ancestor,
}

/// The exchange of one refresh token for its successor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The `jti` that was presented.
    pub previous_jti: TokenId,
    /// When; also the successor's `iat`.
    pub at: Millis,
    /// SHA-256 of the request's `Idempotency-Key`, if it had one.
    pub idempotency_hash: Option<[u8; 32]>,
}

/// The ticket that opened a session, kept with the session to judge who presents it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// SHA-256 of the ticket.
    pub hash: [u8; 32],
    /// The ticket's end.
    pub expires_at: Seconds,
    /// SHA-256 of the request's `Idempotency-Key`, if it had one; not kept beyond the session's first rotation, since
    /// nobody gets the session's tokens for the ticket any more.
    pub idempotency_hash: Option<[u8; 32]>,
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub ip_address: Option<IpAddr>,
    /// The client's user agent.
    pub user_agent: Option<String>,
    /// The city, if a trusted proxy sent it.
    pub city: Option<String>,
    /// The country, if a trusted proxy sent it.
    pub country: Option<String>,
}

/// When and why a session was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Millis,
    /// Why.
    pub reason: RevokeReason,
}

/// Why a session was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeReason {
    /// Its own logout.
    Logout,
    /// A logout of all sessions.
    LogoutAll,
    /// Its owner revoked it by its id.
    Revoked,
    /// The same device logged in again.
    Superseded,
    /// A login exceeded the limit; it was the least recently used.
    SessionLimit,
    /// An old refresh token was replayed.
    RefreshTokenReuse,
    /// The account was disabled.
    AccountDisabled,
    /// The password was changed.
    PasswordChanged,
    /// Support staff revoked it.
    Admin,
    /// Its record came back from a backup, so only old copies of its tokens can use it.
    Restored,
}

impl RevokeReason {
    /// As it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
            Self::SessionLimit => "session_limit",
            Self::RefreshTokenReuse => "refresh_token_reuse",
            Self::AccountDisabled => "account_disabled",
            Self::PasswordChanged => "password_changed",
            Self::Admin => "admin",
            Self::Restored => "restored",
        }
    }
}

/// A session's status at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// Valid.
    Active,
    /// Expired.
    Expired,
    /// Revoked.
    Revoked(Revocation),
}

impl Session {
    /// A session that begins now, and lasts so many seconds without a refresh, but at most `absolute_seconds`. Nothing is
    /// known of its device yet, nor of how its owner proved who they are.
    #[must_use]
    pub fn begin(ids: &Ids, user_id: UserId, now: Millis, idle_seconds: i64, absolute_seconds: i64) -> Self {
        let absolute_expires_at = now.seconds().plus(absolute_seconds);
        Self {
            user_id,
            id: ids.session(now),
            refresh_jti: ids.token(),
            rotation: None,
            rotation_count: 0,
            device_name: String::new(),
            given_name: None,
            device_id: None,
            origin: Origin::default(),
            created_at: now,
            auth_time: now,
            amr: Vec::new(),
            last_used_at: now,
            expires_at: now.seconds().plus(idle_seconds).min(absolute_expires_at),
            absolute_expires_at,
            redemption: None,
            revocation: None,
        }
    }

    /// Its status at `now`. It has expired from the second `expires_at` on, even if the record is still in the
    /// table.
    #[must_use]
    pub fn status(&self, now: Millis) -> SessionStatus {
        match self.revocation {
            Some(ended) => SessionStatus::Revoked(ended),
            None if self.expires_at <= now.seconds() => SessionStatus::Expired,
            None => SessionStatus::Active,
        }
    }

    /// Whether it is active at `now`.
    #[must_use]
    pub fn is_active(&self, now: Millis) -> bool {
        self.status(now) == SessionStatus::Active
    }

    /// Whether a machine whose clock is behind may still consider it active at `now`.
    #[must_use]
    pub fn may_be_active(&self, now: Millis) -> bool {
        self.revocation.is_none() && !self.is_past(now)
    }

    /// Whether it has expired by the clocks of all our machines.
    #[must_use]
    pub fn is_past(&self, now: Millis) -> bool {
        self.expires_at.plus(CLOCKS_APART) <= now.seconds()
    }

    /// What its refresh token `jti`, issued at `issued_at`, is.
    #[must_use]
    pub fn lineage(&self, jti: &TokenId, issued_at: Seconds) -> Lineage<'_> {
        if self.refresh_jti == *jti {
            return Lineage::Current;
        }
        let last_issue = self
            .rotation
            .as_ref()
            .map_or(self.created_at, |rotation| rotation.at);
        match &self.rotation {
            Some(rotation) if rotation.previous_jti == *jti => Lineage::Previous(rotation),
            _ if issued_at > last_issue.seconds() => Lineage::Newer,
            _ => Lineage::Ancestor,
        }
    }

    /// The device's name, as it is shown; may be empty.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        self.given_name.as_deref().unwrap_or(&self.device_name)
    }

    /// When the record may go if the session is revoked at `now`: within a day.
    #[must_use]
    pub fn expires_at_if_revoked(&self, now: Millis) -> Seconds {
        self.expires_at.min(now.seconds().plus(DAY))
    }
}

/// Returns the session if it is active at `now`.
///
/// # Errors
///
/// [`Error::SessionExpired`] if it expired or its record is gone, [`Error::SessionRevoked`] if it was revoked.
pub fn require_active(session: Option<&Session>, now: Millis) -> Result<&Session, Error> {
    let session = session.ok_or(Error::SessionExpired)?;
    match session.status(now) {
        SessionStatus::Active => Ok(session),
        SessionStatus::Expired => Err(Error::SessionExpired),
        SessionStatus::Revoked(_) => Err(Error::SessionRevoked),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A session created at second 1000, with idle limit 2000 and absolute limit 9000.
    pub(crate) fn session() -> Session {
        let ids = Ids::sequence(1);
        Session {
            device_name: "Apple iPhone".to_owned(),
            amr: vec![AuthMethod::Pwd],
            ..Session::begin(&ids, ids.user(), Millis(1_000_000), 1000, 8000)
        }
    }

    #[test]
    fn a_session_expires_in_the_second_of_expires_at() {
        assert_eq!(session().status(Millis(1_999_999)), SessionStatus::Active);
        assert_eq!(session().status(Millis(2_000_000)), SessionStatus::Expired);
    }

    #[test]
    fn an_ended_session_stays_ended_when_it_would_have_expired() {
        let ended = Revocation {
            at: Millis(1_500_000),
            reason: RevokeReason::Revoked,
        };
        let session = Session {
            revocation: Some(ended),
            ..session()
        };
        assert_eq!(session.status(Millis(1_600_000)), SessionStatus::Revoked(ended));
        assert_eq!(session.status(Millis(9_000_000)), SessionStatus::Revoked(ended));
    }

    #[test]
    fn a_session_that_just_expired_may_be_active_by_another_clock() {
        let at = |seconds: i64| session().may_be_active(Seconds(seconds).millis());
        assert!(at(1999) && at(2000) && at(2299));
        assert!(!at(2300));
        let ended = Some(Revocation {
            at: Millis(0),
            reason: RevokeReason::Admin,
        });
        let session = Session {
            revocation: ended,
            ..session()
        };
        assert!(!session.may_be_active(Millis(1_600_000)));
    }

    #[test]
    fn reasons_are_written_as_they_are_read() {
        for name in [
            "logout",
            "logout_all",
            "revoked",
            "superseded",
            "session_limit",
            "refresh_token_reuse",
            "account_disabled",
            "password_changed",
            "admin",
            "restored",
        ] {
            let reason: RevokeReason = serde_json::from_value(name.into()).unwrap();
            assert_eq!(reason.as_str(), name);
        }
    }

    #[test]
    fn the_record_of_an_ended_session_goes_within_a_day() {
        let long = Session {
            expires_at: Seconds(1_000_000),
            ..session()
        };
        assert_eq!(long.expires_at_if_revoked(Millis(0)), Seconds(DAY));
        assert_eq!(session().expires_at_if_revoked(Millis(1_000_000)), Seconds(2000));
    }
}
