//! What users and their apps do: the events that are measured.

use serde_json::{Value, json};
use testkit::Answered;

use crate::{
    Outcome,
    stage::{PASSWORD, PENDING_VERSION, Phone, Stage, event},
};

/// A request that succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The right password.
    Login,
    /// A refresh.
    Refresh,
    /// A refresh once more with the same token and `Idempotency-Key`, as after a lost answer.
    RefreshAgain,
    /// The list of one's sessions.
    List,
    /// The first page of the trail.
    Activity,
    /// A logout.
    Logout,
    /// A logout of two sessions.
    LogoutAll,
    /// The end of another session of one's own.
    Revoke,
    /// The removal of ended records, of which there are none.
    Cleanup,
    /// The public keys.
    Jwks,
    /// Another API of the app asks whether a caller may pass.
    Authorizer,
    /// One account, for support staff.
    Admin,
    /// A new account, whose password is hashed.
    CreateUser,
    /// The step of a rotation that reads, signs and verifies.
    RotateKeys,
}

/// All of them.
pub const ALL: [Operation; 14] = [
    Operation::Login,
    Operation::Refresh,
    Operation::RefreshAgain,
    Operation::List,
    Operation::Activity,
    Operation::Logout,
    Operation::LogoutAll,
    Operation::Revoke,
    Operation::Cleanup,
    Operation::Jwks,
    Operation::Authorizer,
    Operation::Admin,
    Operation::CreateUser,
    Operation::RotateKeys,
];

/// The key of a refresh and its repeat.
const KEY: &str = "0c6e5b0a-4f6f-4d0e-9c35-9f3a3f4f7f10";

impl Operation {
    /// What it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::RefreshAgain => "refresh, repeated",
            Self::LogoutAll => "logout-all (2 sessions)",
            Self::Admin => "admin (get_user)",
            Self::CreateUser => "admin (create_user)",
            Self::RotateKeys => "rotate-keys (testSecret)",
            other => other.function(),
        }
    }

    /// The function that answers it.
    pub fn function(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh | Self::RefreshAgain => "refresh",
            Self::List => "list",
            Self::Activity => "activity",
            Self::Logout => "logout",
            Self::LogoutAll => "logout-all",
            Self::Revoke => "revoke",
            Self::Cleanup => "cleanup",
            Self::Jwks => "jwks",
            Self::Authorizer => "authorizer",
            Self::Admin | Self::CreateUser => "admin",
            Self::RotateKeys => "rotate-keys",
        }
    }

    /// An event that can be answered once, of an account of its own.
    ///
    /// # Errors
    ///
    /// When what it needs in the table cannot be prepared.
    pub async fn event(self, stage: &Stage) -> Outcome<String> {
        let email = &stage.account().await?;
        let event = match self {
            Self::Login => login(email)?,
            Self::Refresh | Self::RefreshAgain => refresh(&stage.phone(email).await?)?,
            Self::List => event("list/list", Some(&stage.phone(email).await?.access))?,
            Self::Activity => event("activity/first-page", Some(&stage.phone(email).await?.access))?,
            Self::Logout => event("logout/access-token", Some(&stage.phone(email).await?.access))?,
            Self::LogoutAll => {
                stage.phone(email).await?;
                event("logout-all/all", Some(&stage.phone(email).await?.access))?
            }
            Self::Revoke => {
                let target = stage.phone(email).await?.session.id;
                let mut event = event("revoke/revoke", Some(&stage.phone(email).await?.access))?;
                let path = format!("/api/v1/sessions/{target}");
                event["rawPath"] = path.as_str().into();
                event["requestContext"]["http"]["path"] = path.into();
                event
            }
            Self::Cleanup => event("cleanup/cleanup", Some(&stage.phone(email).await?.access))?,
            Self::Jwks => event("jwks/jwks", None)?,
            Self::Authorizer => event("authorizer/request", Some(&stage.phone(email).await?.access))?,
            Self::Admin => json!({ "action": "get_user", "email": email }),
            Self::CreateUser => json!({
                "action": "create_user",
                "email": format!("new.{email}"),
                "password": PASSWORD,
            }),
            Self::RotateKeys => json!({
                "Step": "testSecret",
                "SecretId": "keys",
                "ClientRequestToken": PENDING_VERSION,
            }),
        };
        Ok(event.to_string())
    }

    /// That the answer is a success.
    ///
    /// # Errors
    ///
    /// When it is not, with the answer.
    pub fn check(self, answered: &Answered) -> Outcome<()> {
        let response = &answered.response;
        let good = match self {
            Self::Admin | Self::CreateUser | Self::RotateKeys => response["ok"] == true,
            Self::Authorizer => response["isAuthorized"] == true,
            _ => response["statusCode"] == 200,
        };
        if good {
            Ok(())
        } else {
            Err(format!("{}: {response}", self.name()).into())
        }
    }
}

fn login(email: &str) -> Outcome<Value> {
    let mut event = event("login/json", None)?;
    let body = json!({ "email": email, "password": PASSWORD, "device_name": "Anna's phone" });
    event["body"] = body.to_string().into();
    Ok(event)
}

/// The event in which a phone refreshes.
///
/// # Errors
///
/// When `events/` lacks it.
pub fn refresh(phone: &Phone) -> Outcome<Value> {
    refresh_with(&phone.refresh)
}

/// The event in which a phone with this token refreshes.
///
/// # Errors
///
/// When `events/` lacks it.
pub fn refresh_with(token: &str) -> Outcome<Value> {
    let mut event = event("refresh/idempotent", None)?;
    event["headers"]["idempotency-key"] = KEY.into();
    event["body"] = json!({ "refresh_token": token }).to_string().into();
    Ok(event)
}
