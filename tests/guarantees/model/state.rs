//! The session life cycle of one user, as documented: small enough to trust, and independent of the service's
//! implementation.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::{
    audit::EventType,
    clock::{DAY, Millis, Seconds},
    session::{CLOCKS_APART, RevokeReason},
};

use super::operations::{Label, Outcome, Password};

/// The limits.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub access: i64,
    pub idle: i64,
    pub absolute: i64,
    pub grace: i64,
    pub sessions: usize,
    /// Requests a minute, for every rule: 0 (no counting), or too high to refuse any.
    pub requests: u32,
}

impl Rules {
    /// Short enough to reach every limit in an hour or two.
    pub const SHORT: Self = Self {
        access: 900,
        idle: 3600,
        absolute: 9000,
        grace: 30,
        sessions: 3,
        requests: 0,
    };
}

#[derive(Clone, Debug)]
pub struct Model {
    pub rules: Rules,
    pub now: Millis,
    /// `None` if the account is deleted.
    pub account: Option<Credential>,
    /// The tickets that can be redeemed, with their ends, oldest first.
    pub tickets: Vec<(Label, Seconds)>,
    /// All that were made.
    pub made: Vec<Label>,
    /// The records in the table.
    pub sessions: BTreeMap<Label, Session>,
    /// The sessions that were revoked before their records were removed.
    pub revoked_before_removal: BTreeSet<Label>,
    /// The records that logins removed (best effort).
    pub swept: BTreeSet<Label>,
    /// What logins decided before execution: see [`Model::decide`].
    pub decided: BTreeMap<Label, Vec<(Label, Millis)>>,
    /// The tokens that operations returned.
    pub issued: BTreeMap<Label, Issued>,
    pub trail: Vec<Entry>,
    /// When the signing keys were rotated.
    pub rotations: Vec<Seconds>,
    /// When the other account's access token expires.
    pub foreign_expires_at: Seconds,
}

/// Its credential.
#[derive(Clone, Copy, Debug)]
pub struct Credential {
    pub password: Password,
    pub is_active: bool,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub device: Option<u8>,
    /// What its owner calls the device.
    pub given_name: Option<u8>,
    /// Number of refreshes: the generation of the current refresh token.
    pub generation: usize,
    pub rotation: Option<Rotation>,
    /// The ticket that opened it.
    pub redeemed: Option<Redeemed>,
    pub created_at: Millis,
    pub last_used_at: Millis,
    pub expires_at: Seconds,
    pub absolute_expires_at: Seconds,
    pub revocation: Option<(Millis, RevokeReason)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    pub at: Millis,
    pub key: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
pub struct Redeemed {
    pub ticket: Label,
    pub expires_at: Seconds,
    pub key: Option<u8>,
}

/// A refresh token and its access token.
#[derive(Clone, Copy, Debug)]
pub struct Issued {
    /// Number of key rotations before it.
    pub key: usize,
    pub session: Label,
    pub generation: usize,
    /// The refresh token's `iat`.
    pub since: Seconds,
    pub access_expires_at: Seconds,
    pub refresh_expires_at: Seconds,
}

/// An event of the account's trail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub at: Millis,
    pub what: String,
    pub session: Option<Label>,
}

/// A login removes ended records beyond this many, at most this many at once.
const ENDED_KEPT: usize = 20;
const MAX_SWEPT: usize = 10;

impl Model {
    pub fn new(rules: Rules, now: Millis, foreign_expires_at: Seconds) -> Self {
        Self {
            rules,
            now,
            account: Some(Credential {
                password: 0,
                is_active: true,
            }),
            tickets: Vec::new(),
            made: Vec::new(),
            sessions: BTreeMap::new(),
            revoked_before_removal: BTreeSet::new(),
            swept: BTreeSet::new(),
            decided: BTreeMap::new(),
            issued: BTreeMap::new(),
            trail: Vec::new(),
            rotations: Vec::new(),
            foreign_expires_at,
        }
    }

    /// The active sessions, oldest first.
    pub fn active(&self) -> Vec<Label> {
        let active = self
            .sessions
            .iter()
            .filter(|(_, session)| self.is_active(session));
        active.map(|(label, _)| *label).collect()
    }

    /// The sessions that are active by some machine's clock, oldest first.
    pub fn maybe_active(&self) -> Vec<Label> {
        let maybe = self
            .sessions
            .iter()
            .filter(|(_, session)| self.may_be_active(session));
        maybe.map(|(label, _)| *label).collect()
    }

    pub fn is_active(&self, session: &Session) -> bool {
        session.revocation.is_none() && session.expires_at > self.now.seconds()
    }

    /// Has a login choose the sessions to revoke for the limit before it executes. It may keep that choice while those
    /// sessions are unused, even if others that counted towards the limit have ended meanwhile.
    pub fn decide(&mut self, label: Label, device: Option<u8>) {
        self.decided.insert(label, self.evicted(device));
    }

    pub fn has_decided(&self, label: Label) -> bool {
        self.decided.contains_key(&label)
    }

    /// The least recently used sessions, which a login revokes for the limit, and when last used.
    pub fn evicted(&self, device: Option<u8>) -> Vec<(Label, Millis)> {
        let others = self.active().into_iter();
        let others = others.filter(|label| device.is_none() || self.sessions[label].device != device);
        let mut others: Vec<_> = others
            .map(|label| (label, self.sessions[&label].last_used_at))
            .collect();
        others.sort_by_key(|&(label, used)| (used, label));
        others.truncate((others.len() + 1).saturating_sub(self.rules.sessions));
        others
    }

    /// By another machine's clock, a session may not have expired yet.
    pub fn may_be_active(&self, session: &Session) -> bool {
        session.revocation.is_none() && session.expires_at.plus(CLOCKS_APART) > self.now.seconds()
    }

    /// An active session, or the refusal of its token.
    pub fn active_session(&mut self, label: Label) -> Result<&mut Session, Outcome> {
        self.active_session_at(label, self.now)
    }

    /// [`Model::active_session`] at another time.
    pub fn active_session_at(&mut self, label: Label, at: Millis) -> Result<&mut Session, Outcome> {
        let now = at.seconds();
        match self.sessions.get_mut(&label) {
            Some(session) if session.revocation.is_some() => Err(Outcome::Refused(401, "session_revoked")),
            Some(session) if session.expires_at > now => Ok(session),
            _ => Err(Outcome::Refused(401, "session_expired")),
        }
    }

    /// Ends a session, with its event.
    pub fn end(&mut self, label: Label, reason: RevokeReason) {
        self.end_with(label, reason, EventType::for_revocation(reason));
    }

    /// [`Model::end`] with an event that is not the reason's own.
    pub fn end_with(&mut self, label: Label, reason: RevokeReason, event: EventType) {
        let now = self.now;
        if let Some(session) = self.sessions.get_mut(&label) {
            session.revocation = Some((now, reason));
            session.expires_at = session.expires_at.min(now.seconds().plus(DAY));
            self.tell(event, Some(label));
        }
    }

    /// Removes a record.
    pub fn remove(&mut self, label: Label) {
        if self
            .sessions
            .remove(&label)
            .is_some_and(|session| session.revocation.is_some())
        {
            self.revoked_before_removal.insert(label);
        }
    }

    /// A login removes what can never be active again.
    pub fn delete_stale(&mut self) {
        let now = self.now.seconds();
        let (past, present): (Vec<_>, Vec<_>) = self
            .sessions
            .iter()
            .partition(|(_, session)| session.expires_at.plus(CLOCKS_APART) <= now);
        let ended = present
            .into_iter()
            .filter_map(|(label, session)| Some((session.revocation?.0, *label)));
        let mut ended: Vec<_> = ended.collect();
        ended.sort_unstable();
        ended.reverse();
        let ended = ended.into_iter().skip(ENDED_KEPT).map(|(_, label)| label);
        let swept: Vec<_> = past
            .into_iter()
            .map(|(label, _)| *label)
            .chain(ended)
            .take(MAX_SWEPT)
            .collect();
        for label in swept {
            self.remove(label);
            self.swept.insert(label);
        }
    }

    /// Answers an operation with a session's tokens.
    pub fn answer(&mut self, label: Label, of: Label) -> Outcome {
        let (now, session) = (self.now.seconds(), &self.sessions[&of]);
        let issued = Issued {
            key: self.rotations.len(),
            session: of,
            generation: session.generation,
            since: session
                .rotation
                .map_or(session.created_at, |rotation| rotation.at)
                .seconds(),
            access_expires_at: now.plus(self.rules.access).min(session.expires_at),
            refresh_expires_at: session.absolute_expires_at,
        };
        let outcome = Outcome::Tokens {
            session: of,
            generation: issued.generation,
            expires_in: issued.access_expires_at.since(now),
            refresh_token_expires_in: session.expires_at.since(now),
        };
        self.issued.insert(label, issued);
        outcome
    }

    /// Adds an event to the trail, dated now.
    pub fn tell(&mut self, what: EventType, session: Option<Label>) {
        let (at, what) = (self.now, name(what));
        self.trail.push(Entry { at, what, session });
    }

    /// Records an event of no session, unless this minute has one already.
    pub fn tell_once_a_minute(&mut self, what: EventType) {
        let minute = |at: Millis| at.0.div_euclid(60_000);
        let told = |entry: &Entry| entry.what == name(what) && minute(entry.at) == minute(self.now);
        if !self.trail.iter().any(told) {
            self.tell(what, None);
        }
    }
}

/// An event's name, as stored.
pub fn name(what: EventType) -> String {
    let name = serde_json::to_value(what).expect("an event's type is a name");
    name.as_str().expect("an event's type is a name").to_owned()
}
