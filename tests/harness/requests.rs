//! The functions, and what an app asks of them.

use serde_json::{Value, json};
use shared::http::Operation;

use crate::{Answer, Event, PASSWORD, World};

/// A function of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named as the functions are")]
pub enum Function {
    Login,
    Refresh,
    Logout,
    LogoutAll,
    List,
    Revoke,
    Activity,
    Cleanup,
    Jwks,
}

impl Function {
    /// What it says of itself.
    pub(crate) const fn operation(self) -> Operation {
        match self {
            Self::Login => login::OPERATION,
            Self::Refresh => refresh::OPERATION,
            Self::Logout => logout::OPERATION,
            Self::LogoutAll => logout_all::OPERATION,
            Self::List => list::OPERATION,
            Self::Revoke => revoke::OPERATION,
            Self::Cleanup => cleanup::OPERATION,
            Self::Jwks => jwks::PUBLIC_KEYS,
            Self::Activity => activity::OPERATION,
        }
    }

    /// Its binary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::LogoutAll => "logout-all",
            Self::List => "list",
            Self::Activity => "activity",
            Self::Revoke => "revoke",
            Self::Cleanup => "cleanup",
            Self::Jwks => "jwks",
        }
    }
}

/// What a login or a refresh answered.
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

impl World {
    /// Logs the account in on a device.
    pub async fn log_in(&self, device: &str) -> Tokens {
        self.log_in_as(&self.account.email, device).await
    }

    /// Logs an account in on a device.
    pub async fn log_in_as(&self, email: &str, device: &str) -> Tokens {
        let body =
            json!({ "email": email, "password": PASSWORD, "device_name": device, "device_id": device });
        let event = Event::file("login/json").json(&body);
        Tokens::from(&self.send(Function::Login, event).await.ok())
    }

    /// Refreshes.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        let event = Event::file("refresh/json").json(&json!({ "refresh_token": refresh_token }));
        self.send(Function::Refresh, event).await
    }

    /// Refreshes with an `Idempotency-Key`.
    pub async fn refresh_with_key(&self, refresh_token: &str, key: &str) -> Answer {
        let event = Event::file("refresh/idempotent").json(&json!({ "refresh_token": refresh_token }));
        self.send(Function::Refresh, event.header("idempotency-key", key))
            .await
    }

    /// Lists.
    pub async fn list(&self, access_token: &str) -> Answer {
        self.send(Function::List, Event::file("list/list").bearer(access_token))
            .await
    }

    /// Revokes.
    pub async fn revoke(&self, access_token: &str, session: &str) -> Answer {
        let event = Event::file("revoke/revoke").bearer(access_token);
        self.send(
            Function::Revoke,
            event.path(&format!("/api/v1/sessions/{session}")),
        )
        .await
    }

    /// Shows a page of the trail; `query` is the query string.
    pub async fn activity(&self, access_token: &str, query: &str) -> Answer {
        let event = Event::file("activity/first-page").bearer(access_token);
        self.send(Function::Activity, event.query(query)).await
    }
}
