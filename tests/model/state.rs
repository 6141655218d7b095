//! The session life of one user, as the documentation tells it: small enough to be believed, and written without a look
//! at how the service does it.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    clock::{DAY, Millis, Seconds},
    event::EventType,
    session::{CLOCKS_APART, EndReason},
};

use super::operations::{Command, Label, Operation, Outcome, Password, Proof, Target};

/// The limits.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub access: i64,
    pub idle: i64,
    pub absolute: i64,
    pub grace: i64,
    pub sessions: usize,
    /// Requests a minute, by every rule: 0 for no counting, or so many that none is refused.
    pub requests: u32,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub rules: Rules,
    pub now: Millis,
    /// None once the account is deleted.
    pub account: Option<Credential>,
    /// The records that are in the table.
    pub sessions: BTreeMap<Label, Session>,
    /// The records that logins took away, which is best effort.
    pub swept: BTreeSet<Label>,
    /// What logins decided before they were carried out: see [`Model::decide`].
    decided: BTreeMap<Label, Vec<(Label, Millis)>>,
    /// The tokens that operations were answered.
    pub issued: BTreeMap<Label, Issued>,
    pub trail: Vec<Entry>,
    /// When the signing keys were replaced.
    rotations: Vec<Seconds>,
    /// Until when another account's access token is one.
    pub foreign_expires_at: Seconds,
}

/// What opens the account.
#[derive(Clone, Copy, Debug)]
pub struct Credential {
    pub password: Password,
    pub is_active: bool,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub device: Option<u8>,
    /// How often it was refreshed: the generation of its present refresh token.
    pub generation: usize,
    pub rotation: Option<Rotation>,
    pub created_at: Millis,
    pub last_used_at: Millis,
    pub expires_at: Seconds,
    pub absolute_expires_at: Seconds,
    pub ended: Option<(Millis, EndReason)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    pub at: Millis,
    pub key: Option<u8>,
}

/// A refresh token and the access token beside it.
#[derive(Clone, Copy, Debug)]
pub struct Issued {
    /// How often the keys had been replaced.
    key: usize,
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

/// How long after a key was replaced a function may still sign with it, in seconds.
const LAST_SIGNATURE: i64 = 120;
/// A login takes away ended records beyond so many, and up to so many at once.
const ENDED_KEPT: usize = 20;
const MOST_SWEPT: usize = 10;

impl Model {
    pub fn new(rules: Rules, now: Millis, foreign_expires_at: Seconds) -> Self {
        Self {
            rules,
            now,
            account: Some(Credential {
                password: 0,
                is_active: true,
            }),
            sessions: BTreeMap::new(),
            swept: BTreeSet::new(),
            decided: BTreeMap::new(),
            issued: BTreeMap::new(),
            trail: Vec::new(),
            rotations: Vec::new(),
            foreign_expires_at,
        }
    }

    /// Carries out an operation; what the caller is answered.
    pub fn step(&mut self, label: Label, operation: &Operation) -> Outcome {
        match *operation {
            Operation::Login { device, password } => self.log_in(label, device, password),
            Operation::Refresh { of, key } => self.refresh(label, self.issued[&of], key),
            Operation::Logout(proof) => self.log_out(proof),
            Operation::Revoke { by, target } => self.as_caller(by, |model, _| model.revoke(target)),
            Operation::LogoutAll { by, except_current } => self.as_caller(by, |model, own| {
                let others = |label: &Label| !(except_current && *label == own);
                let ending: Vec<_> = model.active().into_iter().filter(others).collect();
                for &session in &ending {
                    model.end(session, EndReason::LogoutAll);
                }
                Outcome::LoggedOut(ending.len())
            }),
            Operation::Cleanup { by } => self.as_caller(by, |model, _| {
                let (before, now) = (model.sessions.len(), model.now.seconds());
                model.sessions.retain(|_, session| session.expires_at > now);
                Outcome::Cleaned(before - model.sessions.len())
            }),
            Operation::List { by } => self.as_caller(by, |model, _| {
                let mut listed = model.active();
                listed.sort_by_key(|label| (model.sessions[label].last_used_at, *label));
                listed.reverse();
                Outcome::Listed(listed)
            }),
            Operation::Command(command) => self.command(command),
            // Whoever has a token that has not expired notices nothing.
            Operation::RotateKeys => {
                self.rotations.push(self.now.seconds());
                // A function that may sign with none of its keys reads them again at most once a second: a second
                // rotation within it would be answered with a 503.
                self.now.0 += 1000;
                Outcome::Done
            }
            Operation::Wait { until } => {
                self.now = until;
                Outcome::Done
            }
        }
    }

    /// The sessions that are active now, oldest first.
    pub fn active(&self) -> Vec<Label> {
        let active = self
            .sessions
            .iter()
            .filter(|(_, session)| self.is_active(session));
        active.map(|(label, _)| *label).collect()
    }

    pub fn is_active(&self, session: &Session) -> bool {
        session.ended.is_none() && session.expires_at > self.now.seconds()
    }

    /// Has a login choose the sessions that it ends for the limit, before it is carried out: it may hold on to that
    /// choice while those sessions are not used, although others that counted for the limit have ended meanwhile.
    pub fn decide(&mut self, label: Label, device: Option<u8>) {
        self.decided.insert(label, self.evicted(device));
    }

    pub fn has_decided(&self, label: Label) -> bool {
        self.decided.contains_key(&label)
    }

    /// The least recently used sessions that a login ends for the limit, and when they were last used.
    fn evicted(&self, device: Option<u8>) -> Vec<(Label, Millis)> {
        let others = self.active().into_iter();
        let others = others.filter(|label| device.is_none() || self.sessions[label].device != device);
        let mut others: Vec<_> = others
            .map(|label| (label, self.sessions[&label].last_used_at))
            .collect();
        others.sort_by_key(|&(label, used)| (used, label));
        others.truncate((others.len() + 1).saturating_sub(self.rules.sessions));
        others
    }

    fn log_in(&mut self, label: Label, device: Option<u8>, password: Password) -> Outcome {
        let Some(account) = self.account else {
            return Outcome::Refused(401, "invalid_credentials");
        };
        if password != account.password || !account.is_active {
            self.tell(EventType::LoginFailed, None);
            let code = if password == account.password {
                "account_inactive"
            } else {
                "invalid_credentials"
            };
            return Outcome::Refused(401, code);
        }
        let decided = self.decided.remove(&label);
        let same = |label: &Label| device.is_some() && self.sessions[label].device == device;
        let superseded: Vec<_> = self.active().into_iter().filter(same).collect();
        let is_unused = |(label, used): &(Label, Millis)| {
            let session = self.sessions.get(label);
            session.is_some_and(|session| self.is_active(session) && session.last_used_at == *used)
        };
        let evicted = decided.filter(|decided| decided.iter().all(is_unused));
        let evicted = evicted.unwrap_or_else(|| self.evicted(device));
        self.sweep();
        for session in superseded {
            self.end(session, EndReason::Superseded);
        }
        for (session, _) in evicted {
            self.end(session, EndReason::SessionLimit);
        }
        let absolute_expires_at = self.now.seconds().plus(self.rules.absolute);
        let session = Session {
            device,
            generation: 0,
            rotation: None,
            created_at: self.now,
            last_used_at: self.now,
            expires_at: self.now.seconds().plus(self.rules.idle).min(absolute_expires_at),
            absolute_expires_at,
            ended: None,
        };
        self.sessions.insert(label, session);
        self.tell(EventType::LoginSucceeded, Some(label));
        self.answer(label, label)
    }

    fn refresh(&mut self, label: Label, token: Issued, key: Option<u8>) -> Outcome {
        let (now, rules) = (self.now, self.rules);
        if token.refresh_expires_at <= now.seconds() {
            return self.expired(token);
        }
        let session = match self.active_session(token.session) {
            Ok(session) => session,
            Err(refused) => return refused,
        };
        if token.generation == session.generation {
            // Along one lineage times never go backwards, whatever the clock says.
            let at = now.max(token.since.millis());
            session.generation += 1;
            session.rotation = Some(Rotation { at, key });
            session.last_used_at = at;
            let end = session.absolute_expires_at;
            session.expires_at = at.seconds().plus(rules.idle).min(end);
            return self.answer(label, token.session);
        }
        let rotation = session.rotation.expect("an older generation was rotated");
        let same_request = key.is_some() && key == rotation.key;
        let within_grace = now.0 - rotation.at.0 < rules.grace * 1000;
        if token.generation + 1 == session.generation && (same_request || within_grace) {
            return self.answer(label, token.session);
        }
        self.end(token.session, EndReason::RefreshTokenReuse);
        Outcome::Refused(401, "refresh_token_reused")
    }

    fn log_out(&mut self, proof: Proof) -> Outcome {
        let (issued, expires_at) = match proof {
            Proof::Access(of) => (self.issued[&of], self.issued[&of].access_expires_at),
            Proof::Refresh(of) | Proof::Both { refresh: of, .. } | Proof::Mixed { refresh: of } => {
                (self.issued[&of], self.issued[&of].refresh_expires_at)
            }
        };
        if expires_at <= self.now.seconds() {
            return self.expired(issued);
        }
        let foreign_is_valid = self.foreign_expires_at > self.now.seconds();
        if matches!(proof, Proof::Mixed { .. }) && foreign_is_valid {
            return Outcome::Refused(403, "not_your_session");
        }
        if self.active_session(issued.session).is_ok() {
            self.end(issued.session, EndReason::Logout);
        }
        Outcome::Done
    }

    fn revoke(&mut self, target: Target) -> Outcome {
        let target = match target {
            Target::Session(target) => target,
            Target::Foreign => return Outcome::Refused(403, "not_your_session"),
            Target::Nobody => return Outcome::Refused(404, "session_not_found"),
        };
        let now = self.now.seconds();
        match self.sessions.get(&target) {
            Some(session) if session.expires_at > now => {
                if session.ended.is_none() {
                    self.end(target, EndReason::Revoked);
                }
                Outcome::Done
            }
            _ => Outcome::Refused(404, "session_not_found"),
        }
    }

    fn command(&mut self, command: Command) -> Outcome {
        let Some(mut account) = self.account else {
            return Outcome::Declined("not_found");
        };
        let outcome = match command {
            Command::Disable => {
                if account.is_active {
                    self.tell(EventType::AccountDisabled, None);
                }
                account.is_active = false;
                self.end_all(EndReason::AccountDisabled)
            }
            Command::Enable => {
                if !account.is_active {
                    self.tell(EventType::AccountEnabled, None);
                }
                account.is_active = true;
                Outcome::Commanded(None)
            }
            Command::SetPassword(password) => {
                self.tell(EventType::PasswordChanged, None);
                account.password = password;
                self.end_all(EndReason::PasswordChanged)
            }
            Command::RevokeAll => self.end_all(EndReason::Admin),
            Command::RevokeSession(label) => match self.sessions.get(&label) {
                None => Outcome::Declined("session_not_found"),
                Some(session) => {
                    let ends = self.may_be_active(session);
                    if ends {
                        self.end(label, EndReason::Admin);
                    }
                    Outcome::Commanded(Some(usize::from(ends)))
                }
            },
            Command::Delete => {
                self.account = None;
                self.sessions.clear();
                self.swept.clear();
                self.trail.clear();
                return Outcome::Commanded(None);
            }
        };
        self.account = Some(account);
        outcome
    }

    /// Ends all sessions, also those that have just expired: by another machine's clock they may not have.
    fn end_all(&mut self, reason: EndReason) -> Outcome {
        let ending = self
            .sessions
            .iter()
            .filter(|(_, session)| self.may_be_active(session));
        let ending: Vec<_> = ending.map(|(label, _)| *label).collect();
        for &label in &ending {
            self.end_with(label, reason, EventType::SessionsRevoked);
        }
        Outcome::Commanded(Some(ending.len()))
    }

    fn may_be_active(&self, session: &Session) -> bool {
        session.ended.is_none() && session.expires_at.plus(CLOCKS_APART) > self.now.seconds()
    }

    /// What a caller may do whose access token is the one that `by` was answered.
    fn as_caller(&mut self, by: Label, act: impl FnOnce(&mut Self, Label) -> Outcome) -> Outcome {
        let token = self.issued[&by];
        if token.access_expires_at <= self.now.seconds() {
            return self.expired(token);
        }
        match self.active_session(token.session) {
            Ok(_) => act(self, token.session),
            Err(refused) => refused,
        }
    }

    /// What an expired token is refused as. Its key is forgotten when keys are replaced after all its tokens have
    /// expired.
    fn expired(&self, token: Issued) -> Outcome {
        let mut since = self.rotations[token.key.min(self.rotations.len())..].iter();
        let until = since
            .next()
            .map(|retired| retired.plus(LAST_SIGNATURE + self.rules.absolute));
        if until.is_some_and(|until| since.any(|rotation| *rotation >= until)) {
            Outcome::Forgotten
        } else {
            Outcome::Refused(401, "token_expired")
        }
    }

    fn active_session(&mut self, label: Label) -> Result<&mut Session, Outcome> {
        let now = self.now.seconds();
        match self.sessions.get_mut(&label) {
            Some(session) if session.ended.is_some() => Err(Outcome::Refused(401, "session_revoked")),
            Some(session) if session.expires_at > now => Ok(session),
            _ => Err(Outcome::Refused(401, "session_expired")),
        }
    }

    fn end(&mut self, label: Label, reason: EndReason) {
        self.end_with(label, reason, EventType::of_end(reason));
    }

    fn end_with(&mut self, label: Label, reason: EndReason, event: EventType) {
        let now = self.now;
        if let Some(session) = self.sessions.get_mut(&label) {
            session.ended = Some((now, reason));
            session.expires_at = session.expires_at.min(now.seconds().plus(DAY));
            self.tell(event, Some(label));
        }
    }

    fn sweep(&mut self) {
        let now = self.now.seconds();
        let (past, present): (Vec<_>, Vec<_>) = self
            .sessions
            .iter()
            .partition(|(_, session)| session.expires_at.plus(CLOCKS_APART) <= now);
        let ended = present
            .into_iter()
            .filter_map(|(label, session)| Some((session.ended?.0, *label)));
        let mut ended: Vec<_> = ended.collect();
        ended.sort_unstable();
        ended.reverse();
        let ended = ended.into_iter().skip(ENDED_KEPT).map(|(_, label)| label);
        let swept: Vec<_> = past
            .into_iter()
            .map(|(label, _)| *label)
            .chain(ended)
            .take(MOST_SWEPT)
            .collect();
        for label in swept {
            self.sessions.remove(&label);
            self.swept.insert(label);
        }
    }

    fn answer(&mut self, label: Label, of: Label) -> Outcome {
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

    fn tell(&mut self, what: EventType, session: Option<Label>) {
        let (at, what) = (self.now, name(what));
        self.trail.push(Entry { at, what, session });
    }
}

/// An event's name, as it is stored.
pub fn name(what: EventType) -> String {
    let name = serde_json::to_value(what).expect("an event's type is a name");
    name.as_str().expect("an event's type is a name").to_owned()
}
