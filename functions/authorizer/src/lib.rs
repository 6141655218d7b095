//! `authorizer`: a Lambda authorizer for HTTP APIs (payload format 2.0, simple responses), for the app's other services.
//!
//! It verifies the access token and that its session is active. So those services refuse a revoked session at once, and
//! not only when its last access token expires.

mod session_cache;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use shared::{
    Error, State,
    auth::AccessClaims,
    domain::{
        auth_method::AuthMethod,
        clock::Seconds,
        ids::{SessionId, UserId},
        session::SessionStatus,
    },
    http,
    runtime::{Function, Settings, Trigger},
    store::StoreError,
};

use session_cache::{CachedStatus, SessionCache};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Invoked {
        by: "the gateways of the app's other APIs",
        samples: &["request", "no-token"],
    },
    settings: &[Settings::Authorizer],
    connections: 1,
};

/// What API Gateway asks. Only the headers matter.
#[derive(Clone, Debug, Deserialize)]
pub struct AuthorizerRequest {
    #[serde(default)]
    headers: HashMap<String, String>,
}

/// What it returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerResponse {
    /// Whether the request may pass.
    pub is_authorized: bool,
    /// Passed to the service as `requestContext.authorizer.lambda`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
}

/// The caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The account.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// The app the token was issued to.
    pub client_id: String,
    /// Time of login, in seconds since the epoch.
    pub auth_time: Seconds,
    /// How its owner logged in (RFC 8176).
    pub amr: Vec<AuthMethod>,
}

/// The function's dependencies.
#[derive(Debug)]
pub struct Authorizer {
    state: State,
    sessions: SessionCache,
}

impl Authorizer {
    /// An authorizer with an empty cache.
    #[must_use]
    pub fn new(state: State) -> Self {
        let sessions = SessionCache::new(state.config.authorizer_max_staleness_seconds);
        Self { state, sessions }
    }
}

/// Authorizes one request.
///
/// # Errors
///
/// If the table cannot be read: API Gateway then answers 500. A missing or bad token is an ordinary refusal.
pub async fn handle(authorizer: &Authorizer, event: &AuthorizerRequest) -> Result<AuthorizerResponse, Error> {
    match authorize(authorizer, event).await {
        Ok(context) => {
            tracing::info!(sid = %context.sid, "allowed");
            Ok(AuthorizerResponse {
                is_authorized: true,
                context: Some(context),
            })
        }
        Err(error) if is_refusal(&error) => {
            tracing::info!(context = %error.report(), "refused");
            Ok(AuthorizerResponse {
                is_authorized: false,
                context: None,
            })
        }
        Err(error) => Err(error),
    }
}

async fn authorize(authorizer: &Authorizer, event: &AuthorizerRequest) -> Result<Context, Error> {
    let auth = &authorizer.state.auth;
    let token = auth.check_token::<AccessClaims>(bearer(event)?).await?;
    let (user, session) = (token.claims().sub, token.claims().sid);
    let (claims, seen) = auth
        .confirm_beside(token, look_up(authorizer, user, session))
        .await?;
    match seen {
        CachedStatus::ActiveUntil(end) if authorizer.state.clock.now().seconds() < end => Ok(Context {
            sub: claims.sub,
            sid: claims.sid,
            client_id: claims.client_id,
            auth_time: claims.auth_time,
            amr: claims.amr,
        }),
        CachedStatus::ActiveUntil(_) => Err(Error::SessionExpired),
        CachedStatus::Over => Err(Error::SessionRevoked),
    }
}

/// HTTP APIs send header names in lower case; a test event may not.
fn bearer(event: &AuthorizerRequest) -> Result<&str, Error> {
    let header = event
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let token = header.and_then(|(_, value)| http::bearer_in(value));
    token.ok_or(Error::MissingToken)
}

async fn look_up(
    authorizer: &Authorizer,
    user: UserId,
    session: SessionId,
) -> Result<CachedStatus, StoreError> {
    let state = &authorizer.state;
    let asked_at = state.clock.now();
    if let Some(seen) = authorizer.sessions.find(user, session, asked_at) {
        return Ok(seen);
    }
    let record = state.store.session(user, session).await?;
    let seen = match record {
        Some(record) if record.status(asked_at) == SessionStatus::Active => {
            CachedStatus::ActiveUntil(record.expires_at)
        }
        Some(_) | None => CachedStatus::Over,
    };
    authorizer.sessions.keep(user, session, seen, asked_at);
    Ok(seen)
}

/// Whether the token or the session is to blame, which makes it a plain refusal.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::MissingToken
        | Error::InvalidToken(_)
        | Error::TokenExpired
        | Error::SessionExpired
        | Error::SessionRevoked => true,
        Error::Validation(_)
        | Error::InvalidCredentials
        | Error::AccountInactive
        | Error::RefreshTokenReused
        | Error::RefreshConflict { .. }
        | Error::NotYourSession
        | Error::SessionNotFound
        | Error::RateLimited { .. }
        | Error::Unavailable(_)
        | Error::InvalidTicket
        | Error::Internal(_) => false,
    }
}
