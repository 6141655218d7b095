//! The operations that are measured, with their events.

use registry::{admin, authorizer, list, login, logout, logout_all, refresh, revoke, rotate_keys, ticket};
use serde_json::{Value, json};
use shared::http::{self, ErrorFormat, Sample, SampleToken};
use testkit::Answered;

use testkit::Outcome;

use crate::stack::{BenchStack, PASSWORD, PENDING_VERSION, Phone, event};

/// A request that succeeds.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// One of the API's.
    Api(&'static http::Operation),
    /// A refresh repeated with the same token and `Idempotency-Key`, as after a lost answer.
    RefreshAgain,
    /// Another API of the app authorizes a caller.
    Authorizer,
    /// Shows support staff an account.
    Admin,
    /// Creates an account, hashing the password.
    CreateUser,
    /// The app's backend asks for a ticket.
    Ticket,
    /// A login with one.
    Redeem,
    /// The rotation step that reads, signs and verifies.
    RotateKeys,
}

/// The `Idempotency-Key` of a refresh.
const KEY: &str = "0c6e5b0a-4f6f-4d0e-9c35-9f3a3f4f7f10";

impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Operation {
    /// A login.
    pub const LOGIN: Self = Self::Api(&login::OPERATION);
    /// A refresh.
    pub const REFRESH: Self = Self::Api(&refresh::OPERATION);
    /// A list of sessions.
    pub const LIST: Self = Self::Api(&list::OPERATION);
    /// A logout.
    pub const LOGOUT: Self = Self::Api(&logout::OPERATION);
    /// Revoking another session of the user.
    pub const REVOKE: Self = Self::Api(&revoke::OPERATION);

    /// All of them: the API's, then others.
    pub fn all() -> Vec<Self> {
        let api = registry::endpoints().map(|endpoint| Self::Api(endpoint.operation));
        api.chain([
            Self::RefreshAgain,
            Self::Authorizer,
            Self::Admin,
            Self::CreateUser,
            Self::Ticket,
            Self::Redeem,
            Self::RotateKeys,
        ])
        .collect()
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::RefreshAgain => "refresh, repeated",
            Self::Admin => "admin (get_user)",
            Self::CreateUser => "admin (create_user)",
            Self::Redeem => "login (ticket)",
            Self::RotateKeys => "rotate-keys (testSecret)",
            Self::Api(operation) if operation.id == logout_all::OPERATION.id => "logout-all (2 sessions)",
            Self::Api(operation) => match registry::endpoint(operation).function.operations() {
                [_] => self.function(),
                _ => operation.id,
            },
            Self::Authorizer | Self::Ticket => self.function(),
        }
    }

    /// The function that serves it.
    pub fn function(self) -> &'static str {
        match self {
            Self::Api(operation) => registry::endpoint(operation).function.name,
            Self::RefreshAgain => refresh::FUNCTION.name,
            Self::Authorizer => authorizer::FUNCTION.name,
            Self::Admin | Self::CreateUser => admin::FUNCTION.name,
            Self::Ticket => ticket::FUNCTION.name,
            Self::Redeem => login::FUNCTION.name,
            Self::RotateKeys => rotate_keys::FUNCTION.name,
        }
    }

    /// An event that works once, for an account of its own.
    ///
    /// # Errors
    ///
    /// If the table cannot be prepared for it.
    pub async fn event(self, stack: &BenchStack) -> Outcome<String> {
        let email = &stack.account().await?;
        let event = match self {
            Self::Api(operation) => request(operation, stack, email).await?,
            Self::RefreshAgain => refresh(&stack.phone(email).await?)?,
            Self::Authorizer => event("authorizer/request", Some(&stack.phone(email).await?.access))?,
            Self::Admin => json!({ "action": "get_user", "email": email }),
            Self::CreateUser => json!({
                "action": "create_user",
                "email": format!("new.{email}"),
                "password": PASSWORD,
            }),
            Self::Ticket => json!({ "email": email }),
            Self::Redeem => {
                let mut event = event("login/ticket", None)?;
                let body = json!({ "ticket": stack.ticket(email).await?, "device_name": "Anna's phone" });
                event["body"] = body.to_string().into();
                event
            }
            Self::RotateKeys => json!({
                "Step": "testSecret",
                "SecretId": "keys",
                "ClientRequestToken": PENDING_VERSION,
            }),
        };
        Ok(event.to_string())
    }

    /// Checks that it succeeded.
    ///
    /// # Errors
    ///
    /// If not, with the answer.
    pub fn check(self, answered: &Answered) -> Outcome<()> {
        let response = &answered.response;
        let good = match self {
            Self::Admin | Self::CreateUser | Self::Ticket | Self::RotateKeys => response["ok"] == true,
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

fn login_event(email: &str) -> Outcome<Value> {
    let mut event = event("login/json", None)?;
    let body = json!({ "email": email, "password": PASSWORD, "device_name": "Anna's phone" });
    event["body"] = body.to_string().into();
    Ok(event)
}

/// The first sample request of an operation with its token, adapted where the sample alone would not work.
async fn request(operation: &http::Operation, stack: &BenchStack, email: &str) -> Outcome<Value> {
    match operation.id {
        id if id == login::OPERATION.id => return login_event(email),
        id if id == revoke::OPERATION.id => return revoke_event(stack, email).await,
        // A second session.
        id if id == logout_all::OPERATION.id => drop(stack.phone(email).await?),
        _ => {}
    }
    let (sample, function) = (operation.samples[0], registry::endpoint(operation).function.name);
    match sample.token {
        // No operation's first sample carries one.
        SampleToken::TicketInBody => Err("the benchmark makes no tickets".into()),
        SampleToken::RefreshAsToken => form(
            function,
            sample,
            &format!("token={}", stack.phone(email).await?.refresh),
        ),
        SampleToken::AccessAsToken => form(
            function,
            sample,
            &format!("token={}", stack.phone(email).await?.access),
        ),
        SampleToken::RefreshInBody if operation.route.errors == ErrorFormat::OAuth => {
            let token = stack.phone(email).await?.refresh;
            form(
                function,
                sample,
                &format!("grant_type=refresh_token&refresh_token={token}"),
            )
        }
        SampleToken::None => event(&format!("{function}/{}", sample.event), None),
        SampleToken::RefreshInBody => refresh(&stack.phone(email).await?),
        SampleToken::AccessInHeader => {
            let mut event = event(
                &format!("{function}/{}", sample.event),
                Some(&stack.phone(email).await?.access),
            )?;
            if operation.id == logout_all::OPERATION.id {
                event["body"] = json!({ "except_current": false }).to_string().into();
            }
            Ok(event)
        }
    }
}

/// A sample event with this form.
fn form(function: &str, sample: Sample, form: &str) -> Outcome<Value> {
    let mut event = event(&format!("{function}/{}", sample.event), None)?;
    event["body"] = form.into();
    Ok(event)
}

async fn revoke_event(stack: &BenchStack, email: &str) -> Outcome<Value> {
    let target = stack.phone(email).await?.session.id;
    let mut event = event("revoke/revoke", Some(&stack.phone(email).await?.access))?;
    let path = format!("/api/v1/sessions/{target}");
    event["rawPath"] = path.as_str().into();
    event["requestContext"]["http"]["path"] = path.into();
    Ok(event)
}

/// An event of a phone refreshing.
///
/// # Errors
///
/// If `events/` lacks it.
pub fn refresh(phone: &Phone) -> Outcome<Value> {
    refresh_with(&phone.refresh)
}

/// An event of a refresh with this token.
///
/// # Errors
///
/// If `events/` lacks it.
pub fn refresh_with(token: &str) -> Outcome<Value> {
    let mut event = event("refresh/idempotent", None)?;
    event["headers"]["idempotency-key"] = KEY.into();
    event["body"] = json!({ "refresh_token": token }).to_string().into();
    Ok(event)
}
