//! `POST /oauth2/introspect`: tells resource servers whether an access token is active (RFC 7662).
//!
//! One consistent read, beside which the secrets are read again once they are a minute old.

mod secrets;

use aws_sdk_secretsmanager::Client;
use shared::{
    Error, State,
    auth::AccessClaims,
    domain::{session::require_active, text},
    http::{
        self, Access, ApiError, ErrorFormat, Input, Operation, Request, Response, Route, Sample, SampleToken,
        model::{IntrospectedClaims, Introspection},
    },
    runtime::{Function, Settings, Trigger},
};

use secrets::Secrets;

/// What it answers.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "POST",
        path: "/oauth2/introspect",
        access: Access::IntrospectionSecret,
        is_counted: false,
        errors: ErrorFormat::OAuth,
    },
    id: "introspect",
    summary: "Whether an access token is active",
    description: "Token introspection (RFC 7662), for services that cannot verify tokens by themselves or must refuse a \
                  revoked session at once. `active` is true only for an access token of this service that has not \
                  expired, and whose session is active. Callers authenticate with HTTP Basic: the password is an \
                  introspection secret, the user name is theirs to choose and is logged. Off unless the deployment has \
                  such a secret.",
    reads_body: true,
    writes: false,
    refusals: &[],
    samples: &[Sample {
        event: "introspect",
        token: SampleToken::AccessAsToken,
    }],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION]),
    settings: &[Settings::ClientAddress, Settings::Introspection],
    connections: 1,
};

/// How much of a caller's name is logged, in characters.
const MAX_NAME_CHARS: usize = 100;

/// The function's dependencies.
#[derive(Clone)]
pub struct IntrospectionState {
    state: State,
    secrets: Option<Secrets>,
}

impl IntrospectionState {
    /// With the secrets of the configuration; off without.
    #[must_use]
    pub fn new(state: State, secrets_manager: &Client) -> Self {
        let source = state.config.introspection.as_ref();
        let secrets = source.map(|source| Secrets::new(source, secrets_manager, state.clock.clone()));
        Self { state, secrets }
    }

    /// Reads the secrets and connects to the table before the first request.
    pub async fn start(state: State, secrets_manager: &Client) -> Self {
        let this = Self::new(state, secrets_manager);
        let warm_secrets = async {
            if let Some(secrets) = this.secrets.as_ref().filter(|_| this.state.config.warm_up) {
                secrets.warm().await;
            }
        };
        tokio::join!(warm_secrets, this.state.warm(FUNCTION.connections));
        this
    }
}

/// Tells what the token is.
///
/// # Errors
///
/// 401 without a valid secret, 404 if introspection is off, 503 if the table or the secrets cannot be read.
pub async fn handle(introspection: &IntrospectionState, request: Request) -> Result<Response, ApiError> {
    let state = &introspection.state;
    let secrets = introspection.secrets.as_ref().ok_or(ApiError::NotFound)?;
    let credentials = http::basic_credentials(&request)?;
    if !secrets.may_hold(&credentials.passwords).await? {
        return Err(ApiError::InvalidClient);
    }
    let mut input = Input::from_form(&request)?;
    let token = input.required_text("token");
    let token = input.finish(|| token)?;
    let (is_caller, claims) =
        tokio::join!(secrets.hold(&credentials.passwords), active_claims(state, &token));
    if !is_caller? {
        return Err(ApiError::InvalidClient);
    }
    let claims = claims?;
    let caller = text::shown(&credentials.user, MAX_NAME_CHARS).unwrap_or_default();
    tracing::info!(caller, active = claims.is_some(), "introspected");
    Ok(http::json(&Introspection {
        active: claims.is_some(),
        claims: claims.map(|claims| IntrospectedClaims {
            iss: claims.iss,
            aud: claims.aud,
            sub: claims.sub,
            sid: claims.sid,
            client_id: claims.client_id,
            token_type: "bearer",
            jti: claims.jti,
            iat: claims.iat,
            exp: claims.exp,
            auth_time: claims.auth_time,
            amr: claims.amr,
        }),
    }))
}

/// The token's claims, if it is an access token that is valid now and its session is active.
async fn active_claims(state: &State, token: &str) -> Result<Option<AccessClaims>, Error> {
    match look_up(state, token).await {
        Ok(claims) => Ok(Some(claims)),
        Err(Error::InvalidToken(_) | Error::TokenExpired | Error::SessionExpired | Error::SessionRevoked) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

async fn look_up(state: &State, token: &str) -> Result<AccessClaims, Error> {
    let token = state.auth.check_token::<AccessClaims>(token).await?;
    let session = state.store.session(token.claims().sub, token.claims().sid);
    let (claims, session) = state.auth.confirm_beside(token, session).await?;
    require_active(session.as_ref(), state.clock.now())?;
    Ok(claims)
}
