//! Requests of an app to functions.

use registry::{activity, list, login, refresh, revoke};
use serde_json::{Value, json};
use shared::http::{Operation, SampleToken};

use crate::{Answer, Event, PASSWORD, TestService, recorded};

/// A sample request that succeeds, as the operation declares it.
#[derive(Clone, Debug)]
pub struct SampleRequest {
    /// The operation.
    pub operation: &'static Operation,
    /// The file under `events/`, without extension.
    pub file: String,
    /// Where it carries a token.
    pub token: SampleToken,
}

impl SampleRequest {
    /// The whole API's, in the registry's order.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let samples = registry::endpoints().flat_map(|endpoint| {
            endpoint.operation.samples.iter().map(move |sample| Self {
                operation: endpoint.operation,
                file: format!("{}/{}", endpoint.function.name, sample.event),
                token: sample.token,
            })
        });
        samples.collect()
    }

    /// The first with a token there, for each operation.
    #[must_use]
    pub fn first_with(token: SampleToken) -> Vec<Self> {
        let mut samples = Self::all();
        samples.retain(|sample| sample.token == token);
        samples.dedup_by_key(|sample| sample.operation.id);
        samples
    }

    /// The event, with this token if it has one.
    #[must_use]
    pub fn event(&self, token: &str) -> Event {
        let event = Event::file(&self.file);
        match self.token {
            SampleToken::None => event,
            SampleToken::AccessInHeader => event.bearer(token),
            SampleToken::RefreshInBody => event.without_header("authorization").refresh_token(token),
            SampleToken::RefreshAsToken | SampleToken::AccessAsToken => event.form(&[("token", token)]),
            SampleToken::TicketInBody => event.json(&json!({ "ticket": token, "device_name": "phone" })),
        }
    }
}

/// The answer to a login or refresh.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The session.
    pub session: String,
}

impl From<&Value> for Tokens {
    fn from(body: &Value) -> Self {
        let text = |name: &str| {
            body[name]
                .as_str()
                .unwrap_or_else(|| panic!("{name} in {body}"))
                .to_owned()
        };
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
            session: text("session_id"),
        }
    }
}

impl Tokens {
    /// The one that a sample carries there, unless that is a ticket.
    #[must_use]
    pub fn at(&self, place: SampleToken) -> Option<&str> {
        match place {
            SampleToken::RefreshInBody | SampleToken::RefreshAsToken => Some(&self.refresh),
            SampleToken::AccessInHeader | SampleToken::AccessAsToken | SampleToken::None => {
                Some(&self.access)
            }
            SampleToken::TicketInBody => None,
        }
    }
}

impl TestService {
    /// What a sample carries there: one of `tokens`, or a new ticket for the account.
    pub async fn token_at(&self, place: SampleToken, tokens: &Tokens) -> String {
        match tokens.at(place) {
            Some(token) => token.to_owned(),
            None => self.ticket(json!({ "email": self.account.email })).await,
        }
    }

    /// A ticket of the `ticket` function.
    ///
    /// # Panics
    ///
    /// If it makes none.
    pub async fn ticket(&self, command: Value) -> String {
        let answer = self.ask_for_ticket(command).await;
        let ticket = answer["ticket"].as_str();
        ticket.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Invokes `ticket`.
    pub async fn ask_for_ticket(&self, command: Value) -> Value {
        recorded::by("ticket", registry::ticket::handle(&self.state, command)).await
    }

    /// Logs in with a ticket on a device, with an `Idempotency-Key` if there is one.
    pub async fn redeem(&self, ticket: &str, device: &str, key: Option<&str>) -> Answer {
        let body = json!({ "ticket": ticket, "device_name": device });
        let event = Event::file("login/ticket").json(&body);
        let event = match key {
            Some(key) => event.header("idempotency-key", key),
            None => event.without_header("idempotency-key"),
        };
        self.send(&login::OPERATION, event).await
    }

    /// Logs the account in on a device.
    pub async fn log_in(&self, device: &str) -> Tokens {
        self.log_in_as(&self.account.email, device).await
    }

    /// Logs an account in on a device.
    pub async fn log_in_as(&self, email: &str, device: &str) -> Tokens {
        let body =
            json!({ "email": email, "password": PASSWORD, "device_name": device, "device_id": device });
        let event = Event::file("login/json").json(&body);
        Tokens::from(&self.send(&login::OPERATION, event).await.ok())
    }

    /// Refreshes.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        let event = Event::file("refresh/json").json(&json!({ "refresh_token": refresh_token }));
        self.send(&refresh::OPERATION, event).await
    }

    /// Sends a form to an OAuth endpoint.
    pub async fn send_form(&self, operation: &Operation, file: &str, form: &[(&str, &str)]) -> Answer {
        self.send(operation, Event::file(file).form(form)).await
    }

    /// Refreshes with an `Idempotency-Key`.
    pub async fn refresh_with_key(&self, refresh_token: &str, key: &str) -> Answer {
        let event = Event::file("refresh/idempotent").json(&json!({ "refresh_token": refresh_token }));
        self.send(&refresh::OPERATION, event.header("idempotency-key", key))
            .await
    }

    /// Lists.
    pub async fn list(&self, access_token: &str) -> Answer {
        self.send(&list::OPERATION, Event::file("list/list").bearer(access_token))
            .await
    }

    /// Revokes.
    pub async fn revoke(&self, access_token: &str, session: &str) -> Answer {
        let event = Event::file("revoke/revoke").bearer(access_token);
        self.send(
            &revoke::OPERATION,
            event.path(&format!("/api/v1/sessions/{session}")),
        )
        .await
    }

    /// Shows a page of the trail; `query` is the query string.
    pub async fn activity(&self, access_token: &str, query: &str) -> Answer {
        let event = Event::file("activity/first-page").bearer(access_token);
        self.send(&activity::OPERATION, event.query(query)).await
    }
}
