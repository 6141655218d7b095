//! `POST /api/v1/auth/refresh` and, for OAuth's own clients, `POST /oauth2/token`: exchanges a refresh token for its
//! successor (RFC 6749 §6, RFC 9700 §4.14).
//!
//! One conditional write. If its condition fails, the item returned with the failure decides: see [`classify`].

mod ended;
mod refusal;

pub use refusal::{Attempt, RotationRefusal, classify};

use shared::{
    Error, SigningState, State,
    auth::{RefreshClaims, Signer, TokenSubject},
    domain::{
        audit::{AuditContext, EventType},
        clock::Millis,
        ids::TokenId,
        session::{RevokeReason, Session, require_active},
    },
    http::{
        self, Access, ApiError, Code, ErrorFormat, Input, Operation, Request, Response, Route, Sample,
        SampleToken, model::Tokens,
    },
    runtime::{Function, Settings, Trigger},
    store::{RevokeOutcome, RotateOutcome, RotateRequest, StoreError},
};
use tokio::time::timeout;

use crate::ended::EndedSessions;

/// For logs: a refused rotation that the record does not explain.
const UNEXPLAINED: &str = "the rotation was refused, although its session shows no reason";

/// The app's endpoint.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "POST",
        path: "/api/v1/auth/refresh",
        access: Access::Public { limits: &[] },
        is_counted: true,
        errors: ErrorFormat::ProblemWithGrantError,
    },
    id: "refresh",
    summary: "Exchanges a refresh token for a new pair",
    description: "Each refresh token is good for one refresh. When the answer is lost, repeat with the same token and the \
                  same `Idempotency-Key`: the answer is the same successor, even days later. Without a key that \
                  holds for some seconds only. Another request with a token that was exchanged seconds ago is a \
                  `refresh_conflict`: read the stored tokens again, and if they are the same, repeat after \
                  `Retry-After`. A token that comes back later ends its session, since it must have been copied: \
                  `refresh_token_reused`.",
    reads_body: true,
    writes: true,
    refusals: &[
        Code::InvalidToken,
        Code::TokenExpired,
        Code::SessionExpired,
        Code::SessionRevoked,
        Code::RefreshTokenReused,
        Code::RefreshConflict,
    ],
    samples: &[
        Sample {
            event: "json",
            token: SampleToken::RefreshInBody,
        },
        Sample {
            event: "idempotent",
            token: SampleToken::RefreshInBody,
        },
        Sample {
            event: "form",
            token: SampleToken::RefreshInBody,
        },
    ],
};

/// OAuth's token endpoint (RFC 6749 §3.2).
pub const TOKEN: Operation = Operation {
    route: Route {
        method: "POST",
        path: "/oauth2/token",
        access: Access::Public { limits: &[] },
        is_counted: true,
        errors: ErrorFormat::OAuth,
    },
    id: "token",
    summary: "Exchanges a refresh token for a new pair, as OAuth's clients do",
    description: "The same as `refresh`, for libraries that speak OAuth (RFC 6749 §6): a form in, and errors as \
                  RFC 6749 §5.2 has them. The client is public, so it has no secret; a `client_id` must be this service's, \
                  and there are no scopes. `invalid_grant` means that the session is over; after \
                  `temporarily_unavailable` repeat with the same token. Sessions are opened at `login` only.",
    reads_body: true,
    writes: true,
    refusals: &[
        Code::InvalidToken,
        Code::TokenExpired,
        Code::SessionExpired,
        Code::SessionRevoked,
        Code::RefreshTokenReused,
        Code::RefreshConflict,
        Code::UnknownClient,
        Code::UnsupportedGrantType,
        Code::InvalidScope,
        Code::InvalidClient,
    ],
    samples: &[
        Sample {
            event: "oauth",
            token: SampleToken::RefreshInBody,
        },
        Sample {
            event: "oauth-idempotent",
            token: SampleToken::RefreshInBody,
        },
    ],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION, TOKEN]),
    settings: &[Settings::ClientAddress, Settings::SigningKeys],
    connections: 1,
};

/// The function's dependencies.
#[derive(Clone)]
pub struct RefreshState {
    signing: SigningState,
    ended: EndedSessions,
}

impl RefreshState {
    /// Knows of no ended session yet.
    #[must_use]
    pub fn new(signing: SigningState) -> Self {
        let ended = EndedSessions::default();
        Self { signing, ended }
    }
}

/// Rotates the refresh token.
///
/// # Errors
///
/// RFC 6749's `invalid_grant` if the token or its session is not valid.
pub async fn handle(refresh: &RefreshState, request: Request) -> Result<Response, ApiError> {
    let (signing, state) = (&refresh.signing, &refresh.signing.state);
    let refresh_token = if http::is_for(&request, &TOKEN) {
        read_oauth(&request, &state.config.tokens.client_id)?
    } else {
        read(&request)?
    };
    let idempotency_hash = http::idempotency_hash(&request)?;

    let token = state.auth.check_token::<RefreshClaims>(&refresh_token).await?;
    let claims = token.claims();
    // Another machine's clock may be ahead, but times never go backwards along one lineage.
    let now = state.clock.now();
    let at = now.max(claims.iat.millis());
    let context = http::audit_context(&request, &state.config.trusted_proxy, now);
    let rotate = RotateRequest {
        user_id: claims.sub,
        session_id: claims.sid,
        presented: claims.jti.clone(),
        issued_at: claims.iat,
        successor: state.ids.token(),
        idempotency_hash,
        at,
        expires_at: at
            .seconds()
            .plus(state.config.refresh_idle_seconds)
            .min(claims.exp),
        origin: context.origin.clone(),
        device_name: http::device_name(&request),
    };
    let known = refresh.ended.find(rotate.user_id, rotate.session_id, at);
    let rotated = async {
        match &known {
            Some(_) => Ok(None),
            None => state.store.rotate(&rotate).await.map(Some),
        }
    };
    let (signer, claims, outcome) = signing.issuer.confirm_beside(token, rotated).await?;
    let Some(outcome) = outcome else {
        return Err(known.unwrap_or(Error::SessionExpired).into());
    };
    match outcome {
        RotateOutcome::Rotated(before) => {
            if moved(
                before.origin.country.as_deref(),
                context.origin.country.as_deref(),
            ) {
                tell_of_move(state, &before, &rotate, &context).await;
            }
            let subject = TokenSubject {
                expires_at: rotate.expires_at,
                ..TokenSubject::from(&*before)
            };
            answer(state, &signer, &subject, &rotate.successor, at)
        }
        RotateOutcome::Refused(session) => {
            let session = session.as_deref();
            refresh.ended.keep(rotate.user_id, rotate.session_id, session, at);
            refused(state, &signer, &claims, &rotate, session, &context).await
        }
    }
}

fn read(request: &Request) -> Result<String, ApiError> {
    let mut input = Input::from_body(request)?;
    if input.is_form()
        && input
            .required_text("grant_type")
            .is_some_and(|grant| grant != "refresh_token")
    {
        input.add_error("grant_type", "must be refresh_token");
    }
    let refresh_token = input.required_text("refresh_token");
    input.finish(|| refresh_token)
}

fn read_oauth(request: &Request, client_id: &str) -> Result<String, ApiError> {
    let mut input = http::public_client_form(request, client_id)?;
    if let Some(grant) = input.required_text("grant_type")
        && grant != "refresh_token"
    {
        return Err(ApiError::UnsupportedGrantType);
    }
    if input.has("scope") {
        return Err(ApiError::InvalidScope);
    }
    let refresh_token = input.required_text("refresh_token");
    input.finish(|| refresh_token)
}

async fn refused(
    state: &State,
    signer: &Signer,
    claims: &RefreshClaims,
    rotate: &RotateRequest,
    session: Option<&Session>,
    context: &AuditContext,
) -> Result<Response, ApiError> {
    let attempt = Attempt {
        presented: &rotate.presented,
        successor: &rotate.successor,
        idempotency_hash: rotate.idempotency_hash.as_ref(),
        issued_at: claims.iat,
        at: rotate.at,
        grace_seconds: state.config.refresh_grace_seconds,
    };
    Err(match classify(session, &attempt) {
        RotationRefusal::Expired => Error::SessionExpired.into(),
        RotationRefusal::Revoked => Error::SessionRevoked.into(),
        RotationRefusal::OwnRetry(session) => {
            return answer(state, signer, &session.into(), &rotate.successor, rotate.at);
        }
        RotationRefusal::SameSuccessor { session, rotated_at } => {
            return answer(state, signer, &session.into(), &session.refresh_jti, rotated_at);
        }
        RotationRefusal::Conflict { retry_after } => Error::RefreshConflict { retry_after }.into(),
        RotationRefusal::Unexplained => Error::Unavailable(UNEXPLAINED.into()).into(),
        RotationRefusal::Restored(session) => {
            end(state, session, RevokeReason::Restored, context, rotate.at).await?
        }
        RotationRefusal::Theft(session) => {
            end(
                state,
                session,
                RevokeReason::RefreshTokenReuse,
                context,
                rotate.at,
            )
            .await?
        }
    })
}

/// Revokes the presented token's session, and no other. Returns the refusal.
async fn end(
    state: &State,
    session: &Session,
    reason: RevokeReason,
    context: &AuditContext,
    at: Millis,
) -> Result<ApiError, StoreError> {
    let refusal = match reason {
        RevokeReason::Restored => Error::SessionExpired,
        _ => Error::RefreshTokenReused,
    };
    let ending = state.store.revoke_session(session, reason, context);
    Ok(match ending.await? {
        RevokeOutcome::Revoked => refusal.into(),
        // It was over before this could commit, so that is what the phone is told.
        RevokeOutcome::NoLongerActive(session) => match require_active(session.as_deref(), at) {
            Ok(_) => refusal.into(),
            Err(over) => over.into(),
        },
    })
}

fn moved(before: Option<&str>, now: Option<&str>) -> bool {
    matches!((before, now), (Some(before), Some(now)) if before != now)
}

/// The one best-effort event: the refresh is committed, and its answer must neither depend on this nor wait long.
async fn tell_of_move(state: &State, before: &Session, rotate: &RotateRequest, context: &AuditContext) {
    let mut event = context.session_event(&state.ids, before, EventType::SessionMoved);
    if rotate.device_name.is_some() {
        event.device_name.clone_from(&rotate.device_name);
    }
    match timeout(state.config.timeouts.event, state.store.record(&event)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = %Error::from(error).report(), "session_moved could not be recorded");
        }
        Err(_) => tracing::warn!("session_moved could not be recorded in time"),
    }
}

fn answer(
    state: &State,
    signer: &Signer,
    subject: &TokenSubject,
    successor: &TokenId,
    rotated_at: Millis,
) -> Result<Response, ApiError> {
    let issued = signer.issue(subject, successor, rotated_at.seconds(), state.clock.now())?;
    Ok(http::json(&Tokens::new(issued, subject.session_id)))
}
