//! The real side: sends the model's operations to the service and keeps its answers.

use std::collections::BTreeMap;

use registry::{cleanup, list, login, logout, logout_all, refresh, rename, revoke};
use serde_json::{Value, json};
use shared::http::{self, Code, OAuthError};
use tests::{Account, Answer, Event, TestService, Tokens, claims};

use super::{
    operations::{Command, Label, Operation, Outcome, Password, Proof, Target},
    state::Model,
};

/// A nonexistent session.
const NOBODY: &str = "019ab2c4-0000-7000-8000-000000000000";

/// A request to the API, or a command to `admin`.
#[derive(Clone, Debug)]
pub enum Request {
    Http(&'static http::Operation, Event),
    Command(Value),
    /// To `ticket`.
    Ticket(Value),
}

impl Request {
    /// Sends it. Converts answers of `admin` and `ticket` to the same form, as far as possible.
    pub async fn send(self, service: &TestService) -> Answer {
        match self {
            Self::Http(operation, event) => coded(service.send(operation, event).await),
            Self::Command(command) => answered(service.admin(command).await),
            Self::Ticket(command) => answered(service.ask_for_ticket(command).await),
        }
    }
}

/// An error of an OAuth endpoint, which has the code's own description, in the form of the others.
fn coded(mut answer: Answer) -> Answer {
    if answer.body["error_description"].is_string() {
        let is_it = |code: &&Code| json!(OAuthError::for_code(**code)) == answer.body;
        let code = Code::ALL.iter().find(is_it);
        let code = code.unwrap_or_else(|| panic!("no code of ours: {}", answer.body));
        assert_eq!(answer.status, code.oauth().0, "{}", answer.body);
        answer.status = code.status();
        answer.body = json!({ "code": code });
    }
    answer
}

fn answered(body: Value) -> Answer {
    let status = match body["error"]["code"].as_str() {
        None => 200,
        Some("unavailable") => 503,
        Some("internal") => 500,
        Some(_) => 400,
    };
    Answer {
        status,
        headers: Value::Null,
        body,
    }
}

/// The account's devices.
#[derive(Clone, Debug)]
pub struct Phones {
    account: Account,
    /// Another account's session.
    pub foreign: Tokens,
    tokens: BTreeMap<Label, Tokens>,
    tickets: BTreeMap<Label, String>,
    /// The ids of the sessions, from answers.
    sessions: BTreeMap<Label, String>,
    /// The refresh tokens' ids, by session and generation.
    generations: BTreeMap<(Label, usize), String>,
}

/// The API operation that it calls, if any.
pub fn asked(operation: &Operation) -> Option<&'static http::Operation> {
    Some(match operation {
        Operation::Login { .. } | Operation::Redeem { .. } => &login::OPERATION,
        Operation::Refresh { .. } => &refresh::OPERATION,
        Operation::Logout(_) => &logout::OPERATION,
        Operation::Token { .. } => &refresh::TOKEN,
        Operation::RevokeToken { .. } => &logout::REVOKE_TOKEN,
        Operation::Revoke { .. } => &revoke::OPERATION,
        Operation::Rename { .. } => &rename::OPERATION,
        Operation::LogoutAll { .. } => &logout_all::OPERATION,
        Operation::Cleanup { .. } => &cleanup::OPERATION,
        Operation::List { .. } => &list::OPERATION,
        Operation::Ticket | Operation::Command(_) | Operation::RotateKeys | Operation::Wait { .. } => {
            return None;
        }
    })
}

impl Phones {
    pub fn new(account: Account, foreign: Tokens) -> Self {
        Self {
            account,
            foreign,
            tokens: BTreeMap::new(),
            tickets: BTreeMap::new(),
            sessions: BTreeMap::new(),
            generations: BTreeMap::new(),
        }
    }

    /// The request for an operation.
    pub fn request(&self, label: Label, operation: &Operation) -> Request {
        let access = |of: Label| self.tokens[&of].access.as_str();
        let refresh = |of: Label| json!({ "refresh_token": self.tokens[&of].refresh });
        let event = match *operation {
            Operation::Login { device, password } => {
                let body = json!({
                    "email": self.account.email,
                    "password": password_text(password),
                    "device_name": format!("login {label}"),
                    "device_id": device.map(|device| format!("device {device}")),
                });
                Event::file("login/json").json(&body)
            }
            Operation::Redeem { ticket, device, key } => {
                let body = json!({
                    "ticket": self.tickets[&ticket],
                    "device_name": format!("login {label}"),
                    "device_id": device.map(|device| format!("device {device}")),
                });
                with_key(Event::file("login/ticket").json(&body), key)
            }
            Operation::Refresh { of, key } => {
                let event = Event::file("refresh/json").json(&refresh(of));
                with_key(event, key)
            }
            Operation::Token { of, key } => with_key(
                Event::file("refresh/oauth").refresh_token(&self.tokens[&of].refresh),
                key,
            ),
            Operation::RevokeToken { of } => {
                let token = self.tokens[&of].refresh.as_str();
                Event::file("logout/oauth-refresh-token").form(&[("token", token)])
            }
            Operation::Logout(proof) => {
                let event = Event::file("logout/access-token");
                match proof {
                    Proof::Access(of) => event.bearer(access(of)),
                    Proof::Refresh(of) => event.without_header("authorization").json(&refresh(of)),
                    Proof::Both {
                        access: of,
                        refresh: named,
                    } => event.bearer(access(of)).json(&refresh(named)),
                    Proof::Mixed { refresh: named } => {
                        event.bearer(&self.foreign.access).json(&refresh(named))
                    }
                }
            }
            Operation::Revoke { by, target } => {
                let event = Event::file("revoke/revoke").bearer(access(by));
                event.path(&self.session_path(target))
            }
            Operation::Rename { by, target, name } => {
                let event = Event::file("rename/rename").bearer(access(by));
                let event = event.json(&json!({ "device_name": name.map(|name| given_name(target, name)) }));
                event.path(&self.session_path(target))
            }
            Operation::LogoutAll { by, except_current } => {
                let event = Event::file("logout-all/all").bearer(access(by));
                event.json(&json!({ "except_current": except_current }))
            }
            Operation::Cleanup { by } => Event::file("cleanup/cleanup").bearer(access(by)),
            Operation::List { by } => Event::file("list/list").bearer(access(by)),
            Operation::Ticket => return Request::Ticket(json!({ "email": self.account.email })),
            Operation::Command(command) => return Request::Command(self.command(command)),
            Operation::RotateKeys | Operation::Wait { .. } => unreachable!("nobody is asked for it"),
        };
        let asked = asked(operation).expect("all that is left are requests");
        Request::Http(asked, event)
    }

    fn session_path(&self, target: Target) -> String {
        let session = match target {
            Target::Session(label) => self.sessions[&label].as_str(),
            Target::Foreign => &self.foreign.session,
            Target::Nobody => NOBODY,
        };
        format!("/api/v1/sessions/{session}")
    }

    fn command(&self, command: Command) -> Value {
        let mut value = json!({ "email": self.account.email });
        value["action"] = match command {
            Command::Disable => "disable_user",
            Command::Enable => "enable_user",
            Command::SetPassword(password) => {
                value["password"] = password_text(password).into();
                "set_password"
            }
            Command::Delete => "delete_user",
            Command::RevokeSession(label) => {
                value["session_id"] = self.sessions[&label].as_str().into();
                "revoke_session"
            }
            Command::RevokeAll => "revoke_all_sessions",
        }
        .into();
        value
    }

    /// Performs an operation. Returns `None` if it has no answer.
    pub async fn perform(
        &self,
        service: &mut TestService,
        label: Label,
        operation: &Operation,
    ) -> Option<Answer> {
        match operation {
            Operation::Wait { until } => service.clock.set(*until),
            Operation::RotateKeys => {
                service.rotate_keys().await;
            }
            _ => return Some(self.request(label, operation).send(service).await),
        }
        None
    }

    /// Checks an answer against the model's, and keeps its tokens and ids.
    ///
    /// `model` is the model after the operation. With `about`, counts of removed or ended sessions are inexact.
    pub fn hear(
        &mut self,
        label: Label,
        outcome: &Outcome,
        answer: &Answer,
        model: &Model,
        about: bool,
    ) -> Result<(), String> {
        let (status, body) = (answer.status, &answer.body);
        let wrong = || Err(format!("expected {outcome:?}, was answered {status} {body}"));
        match outcome {
            Outcome::Gone => {
                if status != 401
                    || !["session_expired", "session_revoked"]
                        .contains(&body["code"].as_str().unwrap_or_default())
                {
                    return wrong();
                }
            }
            Outcome::Forgotten => {
                if status != 401
                    || !["token_expired", "invalid_token"]
                        .contains(&body["code"].as_str().unwrap_or_default())
                {
                    return wrong();
                }
            }
            Outcome::Refused(expected, code) => {
                if (status, body["code"].as_str()) != (*expected, Some(*code)) {
                    return wrong();
                }
            }
            Outcome::Declined(code) => {
                if body["error"]["code"] != *code {
                    return wrong();
                }
            }
            _ if status != 200 => return wrong(),
            Outcome::Commanded(ended) => {
                if ended.is_some_and(|ended| !about && body["sessions_ended"] != ended) {
                    return wrong();
                }
            }
            Outcome::Done => {}
            Outcome::Ticket => {
                let Some(ticket) = body["ticket"].as_str() else {
                    return wrong();
                };
                self.tickets.insert(label, ticket.to_owned());
            }
            Outcome::Cleaned(count) => {
                let message = body["message"].as_str().unwrap_or_default();
                let told = message.split(' ').nth(2).and_then(|number| number.parse().ok());
                if !told.is_some_and(|told: usize| told == *count || about && told < *count) {
                    return wrong();
                }
            }
            Outcome::LoggedOut(count) => {
                if body["count"] != *count {
                    return wrong();
                }
            }
            Outcome::Renamed(label, name) => {
                if body["device_name"] != shown_name(*label, *name) {
                    return wrong();
                }
            }
            Outcome::Listed(labels) => {
                let names: Vec<_> = labels
                    .iter()
                    .map(|&(label, name)| json!(shown_name(label, name)))
                    .collect();
                let sessions = body["sessions"].as_array().into_iter().flatten();
                let listed: Vec<_> = sessions.map(|session| session["device_name"].clone()).collect();
                if names != listed {
                    return wrong();
                }
            }
            Outcome::Tokens {
                session,
                generation,
                expires_in,
                refresh_token_expires_in,
            } => {
                if body["expires_in"] != *expires_in
                    || body["refresh_token_expires_in"] != *refresh_token_expires_in
                {
                    return wrong();
                }
                self.hear_tokens(label, *session, *generation, body, model)?;
            }
        }
        Ok(())
    }

    fn hear_tokens(
        &mut self,
        label: Label,
        session: Label,
        generation: usize,
        body: &Value,
        model: &Model,
    ) -> Result<(), String> {
        let (tokens, issued) = (Tokens::from(body), model.issued[&label]);
        let id = self
            .sessions
            .entry(session)
            .or_insert_with(|| tokens.session.clone());
        if *id != tokens.session {
            return Err(format!(
                "session {session} is {id}, but the answer names {}",
                tokens.session
            ));
        }
        let (refresh, access) = (claims(&tokens.refresh), claims(&tokens.access));
        let jti = refresh["jti"].as_str().unwrap_or_default().to_owned();
        let known = self
            .generations
            .entry((session, generation))
            .or_insert_with(|| jti.clone());
        if *known != jti {
            return Err(format!(
                "generation {generation} of session {session} has two tokens"
            ));
        }
        let told = (&refresh["iat"], &refresh["exp"], &access["exp"], &access["sid"]);
        let expected = (
            &json!(issued.since.0),
            &json!(issued.refresh_expires_at.0),
            &json!(issued.access_expires_at.0),
            &json!(tokens.session),
        );
        if told != expected {
            return Err(format!("the tokens say {told:?} instead of {expected:?}"));
        }
        self.tokens.insert(label, tokens);
        Ok(())
    }

    /// The tokens that an operation returned.
    pub fn tokens(&self, label: Label) -> Option<&Tokens> {
        self.tokens.get(&label)
    }

    /// A session's id, if an answer named it.
    pub fn session(&self, label: Label) -> Option<&str> {
        self.sessions.get(&label).map(String::as_str)
    }

    /// The id of a session's refresh token of this generation, if an answer held it.
    pub fn generation(&self, session: Label, generation: usize) -> Option<&str> {
        self.generations.get(&(session, generation)).map(String::as_str)
    }
}

fn with_key(event: Event, key: Option<u8>) -> Event {
    match key {
        Some(key) => event.header("idempotency-key", &format!("idempotency-key-{key:04}")),
        None => event.without_header("idempotency-key"),
    }
}

fn given_name(target: Target, name: u8) -> String {
    match target {
        Target::Session(label) => format!("name {name} of login {label}"),
        Target::Foreign | Target::Nobody => format!("name {name}"),
    }
}

fn shown_name(label: Label, name: Option<u8>) -> String {
    let given = name.map(|name| given_name(Target::Session(label), name));
    given.unwrap_or_else(|| format!("login {label}"))
}

fn password_text(password: Password) -> String {
    match password {
        0 => tests::PASSWORD.to_owned(),
        other => format!("another password {other}"),
    }
}
