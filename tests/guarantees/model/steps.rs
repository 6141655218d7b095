//! What each operation does to the model, and its answer.

use shared::domain::{
    audit::EventType,
    clock::Millis,
    session::{CLOCKS_APART, RevokeReason},
    ticket::{MAX_TICKETS, TICKET_SECONDS},
};

use super::{
    operations::{Command, Label, Operation, Outcome, Password, Proof, Target},
    state::{Issued, Model, Redeemed, Rotation, Session},
};

/// How long a function may sign with a key after its rotation, in seconds.
const LAST_SIGNATURE: i64 = 120;

impl Model {
    /// Performs an operation. Returns its answer.
    pub fn step(&mut self, label: Label, operation: &Operation) -> Outcome {
        match *operation {
            Operation::Login { device, password } => self.log_in(label, device, password),
            Operation::Redeem { ticket, device, key } => self.redeem(label, ticket, device, key),
            Operation::Ticket => self.make_ticket(label),
            Operation::Refresh { of, key } | Operation::Token { of, key } => {
                self.refresh(label, self.issued[&of], key)
            }
            Operation::Logout(proof) => self.log_out(proof),
            Operation::RevokeToken { of } => self.log_out(Proof::Refresh(of)),
            Operation::Revoke { by, target } => self.as_caller(by, |model, _| model.revoke(target)),
            Operation::Rename { by, target, name } => {
                self.as_caller(by, |model, _| model.rename(target, name))
            }
            Operation::LogoutAll { by, except_current } => self.as_caller(by, |model, own| {
                let others = |label: &Label| !(except_current && *label == own);
                let ending: Vec<_> = model.maybe_active().into_iter().filter(others).collect();
                for &session in &ending {
                    model.end(session, RevokeReason::LogoutAll);
                }
                Outcome::LoggedOut(ending.len())
            }),
            Operation::Cleanup { by } => self.as_caller(by, |model, _| {
                let now = model.now.seconds();
                let expired = model
                    .sessions
                    .iter()
                    .filter(|(_, session)| session.expires_at <= now);
                let expired: Vec<_> = expired.map(|(label, _)| *label).collect();
                for label in &expired {
                    model.remove(*label);
                }
                Outcome::Cleaned(expired.len())
            }),
            Operation::List { by } => self.as_caller(by, |model, _| {
                let mut listed = model.active();
                listed.sort_by_key(|label| (model.sessions[label].last_used_at, *label));
                listed.reverse();
                let named = |label: Label| (label, model.sessions[&label].given_name);
                Outcome::Listed(listed.into_iter().map(named).collect())
            }),
            Operation::Command(command) => self.command(command),
            // Holders of unexpired tokens notice nothing.
            Operation::RotateKeys => {
                self.rotations.push(self.now.seconds());
                Outcome::Done
            }
            Operation::Wait { until } => {
                self.now = until;
                Outcome::Done
            }
        }
    }

    fn log_in(&mut self, label: Label, device: Option<u8>, password: Password) -> Outcome {
        let Some(account) = self.account else {
            return Outcome::Refused(401, "invalid_credentials");
        };
        if password != account.password || !account.is_active {
            self.tell_once_a_minute(EventType::LoginFailed);
            let code = if password == account.password {
                "account_inactive"
            } else {
                "invalid_credentials"
            };
            return Outcome::Refused(401, code);
        }
        self.open(label, device, None)
    }

    fn make_ticket(&mut self, label: Label) -> Outcome {
        match self.account {
            None => return Outcome::Declined("not_found"),
            Some(account) if !account.is_active => return Outcome::Declined("account_inactive"),
            Some(_) => {}
        }
        if self.tickets.len() == MAX_TICKETS {
            self.tickets.remove(0);
        }
        self.tickets
            .push((label, self.now.seconds().plus(TICKET_SECONDS)));
        self.made.push(label);
        Outcome::Ticket
    }

    fn redeem(&mut self, label: Label, ticket: Label, device: Option<u8>, key: Option<u8>) -> Outcome {
        const INVALID: Outcome = Outcome::Refused(401, "invalid_ticket");
        let used = self.sessions.iter().find_map(|(&label, session)| {
            let redeemed = session.redeemed?;
            (redeemed.ticket == ticket).then_some((label, redeemed))
        });
        if let Some((session, redeemed)) = used {
            return self.redeem_again(label, session, redeemed, key);
        }
        let Some(place) = self.tickets.iter().position(|(good, _)| *good == ticket) else {
            return INVALID;
        };
        let (_, expires_at) = self.tickets[place];
        if expires_at <= self.now.seconds() {
            return INVALID;
        }
        self.tickets.remove(place);
        let redeemed = Redeemed {
            ticket,
            expires_at,
            key,
        };
        self.open(label, device, Some(redeemed))
    }

    /// A ticket that has opened a session is judged like the refresh token before the session's first.
    fn redeem_again(&mut self, label: Label, of: Label, redeemed: Redeemed, key: Option<u8>) -> Outcome {
        const INVALID: Outcome = Outcome::Refused(401, "invalid_ticket");
        let session = &self.sessions[&of];
        let at = self.now.max(session.created_at);
        let is_active = session.revocation.is_none() && session.expires_at > at.seconds();
        if !is_active || redeemed.expires_at <= at.seconds() {
            return INVALID;
        }
        let within_window = at.0 - session.created_at.0 < self.rules.grace * 1000;
        let same_request = match (redeemed.key, key) {
            (Some(first), Some(second)) => first == second,
            (None, None) => within_window,
            _ => false,
        };
        if session.generation == 0 && same_request {
            return self.answer(label, of);
        }
        if session.generation == 0 && within_window {
            return Outcome::Refused(409, "refresh_conflict");
        }
        self.end(of, RevokeReason::RefreshTokenReuse);
        INVALID
    }

    fn open(&mut self, label: Label, device: Option<u8>, redeemed: Option<Redeemed>) -> Outcome {
        let decided = self.decided.remove(&label);
        let same = |label: &Label| device.is_some() && self.sessions[label].device == device;
        let superseded: Vec<_> = self.maybe_active().into_iter().filter(same).collect();
        let is_unused = |(label, used): &(Label, Millis)| {
            let session = self.sessions.get(label);
            session.is_some_and(|session| self.is_active(session) && session.last_used_at == *used)
        };
        let evicted = decided.filter(|decided| decided.iter().all(is_unused));
        let evicted = evicted.unwrap_or_else(|| self.evicted(device));
        self.delete_stale();
        for session in superseded {
            self.end(session, RevokeReason::Superseded);
        }
        for (session, _) in evicted {
            self.end(session, RevokeReason::SessionLimit);
        }
        let absolute_expires_at = self.now.seconds().plus(self.rules.absolute);
        let session = Session {
            device,
            given_name: None,
            generation: 0,
            rotation: None,
            redeemed,
            created_at: self.now,
            last_used_at: self.now,
            expires_at: self.now.seconds().plus(self.rules.idle).min(absolute_expires_at),
            absolute_expires_at,
            revocation: None,
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
        // In one lineage, times never go backwards, whatever the clock says.
        let at = now.max(token.since.millis());
        let is_gone = self.revoked_before_removal.contains(&token.session);
        let session = match self.active_session_at(token.session, at) {
            Ok(session) => session,
            Err(_) if is_gone => return Outcome::Gone,
            Err(refused) => return refused,
        };
        if token.generation == session.generation {
            session.generation += 1;
            session.rotation = Some(Rotation { at, key });
            session.last_used_at = at;
            let end = session.absolute_expires_at;
            session.expires_at = at.seconds().plus(rules.idle).min(end);
            return self.answer(label, token.session);
        }
        let rotation = session.rotation.expect("an older generation was rotated");
        let within_window = at.0 - rotation.at.0 < rules.grace * 1000;
        let same_request = match (rotation.key, key) {
            (Some(rotated_with), Some(key)) => rotated_with == key,
            (None, None) => within_window,
            _ => false,
        };
        if token.generation + 1 == session.generation {
            if same_request {
                return self.answer(label, token.session);
            }
            if within_window {
                return Outcome::Refused(409, "refresh_conflict");
            }
        }
        self.end(token.session, RevokeReason::RefreshTokenReuse);
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
        let by_refresh_token = !matches!(proof, Proof::Access(_));
        if let Some(session) = self.sessions.get(&issued.session)
            && self.may_be_active(session)
        {
            let is_ancestor = by_refresh_token && issued.generation + 1 < session.generation;
            let reason = if is_ancestor {
                RevokeReason::RefreshTokenReuse
            } else {
                RevokeReason::Logout
            };
            self.end(issued.session, reason);
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
            Some(session) if session.expires_at.plus(CLOCKS_APART) > now => {
                if session.revocation.is_none() {
                    self.end(target, RevokeReason::Revoked);
                }
                Outcome::Done
            }
            _ => Outcome::Refused(404, "session_not_found"),
        }
    }

    fn rename(&mut self, target: Target, name: Option<u8>) -> Outcome {
        let target = match target {
            Target::Session(target) => target,
            Target::Foreign => return Outcome::Refused(403, "not_your_session"),
            Target::Nobody => return Outcome::Refused(404, "session_not_found"),
        };
        let now = self.now.seconds();
        match self.sessions.get_mut(&target) {
            Some(session) if session.revocation.is_none() && session.expires_at > now => {
                if session.given_name != name {
                    session.given_name = name;
                    self.tell(EventType::SessionRenamed, Some(target));
                }
                Outcome::Renamed(target, name)
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
                self.tickets.clear();
                self.revoke_all(RevokeReason::AccountDisabled)
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
                self.tickets.clear();
                self.revoke_all(RevokeReason::PasswordChanged)
            }
            Command::RevokeAll => {
                self.tickets.clear();
                self.revoke_all(RevokeReason::Admin)
            }
            Command::RevokeSession(label) => match self.sessions.get(&label) {
                None => Outcome::Declined("session_not_found"),
                Some(session) => {
                    let ends = self.may_be_active(session);
                    if ends {
                        self.end(label, RevokeReason::Admin);
                    }
                    Outcome::Commanded(Some(usize::from(ends)))
                }
            },
            Command::Delete => {
                self.account = None;
                self.tickets.clear();
                for label in self.sessions.keys().copied().collect::<Vec<_>>() {
                    self.remove(label);
                }
                self.swept.clear();
                self.trail.clear();
                return Outcome::Commanded(None);
            }
        };
        self.account = Some(account);
        outcome
    }

    /// Revokes all sessions, even just expired ones: by another machine's clock they may be active.
    fn revoke_all(&mut self, reason: RevokeReason) -> Outcome {
        let ending = self.maybe_active();
        for &label in &ending {
            self.end_with(label, reason, EventType::SessionsRevoked);
        }
        Outcome::Commanded(Some(ending.len()))
    }

    /// Acts for a caller with the access token that `by` returned.
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

    /// The refusal of an expired token. A rotation after all of a key's tokens have expired drops that key.
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
}
