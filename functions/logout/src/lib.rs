//! `POST /api/v1/auth/logout`: revokes the session of the access token, or of the refresh token in the body.
//!
//! Either suffices, because the access token has often expired by the time of logout.

use shared::{
    Error, State,
    auth::{AccessClaims, RefreshClaims},
    domain::session::{Lineage, RevokeReason, Session},
    http::{
        self, Access, ApiError, Code, ErrorFormat, Input, Operation, Request, Response, Route, Sample,
        SampleToken,
    },
    runtime::{Function, Settings, Trigger, metrics},
    store::{RevokeRequest, StoreError},
};

/// What it answers.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "POST",
        path: "/api/v1/auth/logout",
        access: Access::AccessOrRefreshToken,
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "logout",
    summary: "Ends this session",
    description: "The session of the access token, or of the `refresh_token` in the body: either suffices, since a \
                  phone's access token has often expired by then. With both, the refresh token names the session. A \
                  session that has ended already is a success as well, so that a repeat after a lost answer is. A \
                  refresh token older than the previous one ends the session as stolen, with the same answer.",
    reads_body: true,
    writes: true,
    refusals: &[Code::NotYourSession],
    samples: &[
        Sample {
            event: "access-token",
            token: SampleToken::AccessInHeader,
        },
        Sample {
            event: "refresh-token",
            token: SampleToken::RefreshInBody,
        },
    ],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION]),
    settings: &[Settings::ClientAddress],
    connections: 1,
};

/// Revokes the session. If it is over already that is a success too, so that a retry after a lost answer succeeds.
///
/// # Errors
///
/// 401 without a valid token, 403 if the two tokens are of different accounts.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    let mut input = Input::from_optional_body(&request)?;
    let refresh_token = input.optional_text("refresh_token");
    let refresh_token = input.finish(|| Some(refresh_token))?;

    let (session, reason) = match refresh_token {
        Some(refresh_token) => {
            by_refresh_token(state, &refresh_token, http::optional_bearer(&request)).await?
        }
        None => (
            by_access_token(state, http::bearer(&request)?).await?,
            RevokeReason::Logout,
        ),
    };
    let context = http::audit_context(&request, &state.config.trusted_proxy, state.clock.now());
    // One that has just expired is revoked too: a machine whose clock is behind could still refresh it.
    if let Some(session) = session.filter(|session| session.may_be_active(context.at)) {
        let ended = state.store.revoke_sessions(RevokeRequest {
            sessions: std::slice::from_ref(&session),
            reason,
            context: &context,
            caller: None,
        });
        if !ended.await?.is_empty() && reason == RevokeReason::RefreshTokenReuse {
            let outcome = ("Outcome", Code::RefreshTokenReused.as_str());
            metrics::count(&[("Function", FUNCTION.name), outcome], &[("Requests", 1)]);
        }
    }
    Ok(http::success("Logged out successfully"))
}

async fn by_access_token(state: &State, token: &str) -> Result<Option<Session>, Error> {
    let token = state.auth.check_token::<AccessClaims>(token).await?;
    let session = state.store.session(token.claims().sub, token.claims().sid);
    Ok(state.auth.confirm_beside(token, session).await?.1)
}

/// The refresh token names the session. A valid access token beside it must be of the same account; an invalid or
/// expired one proves nothing and is ignored. A refresh token that was exchanged before the previous one is evidence of
/// theft, here as at the refresh endpoint; one that is newer than the record comes from before a restore, and is none.
async fn by_refresh_token(
    state: &State,
    token: &str,
    bearer: Option<&str>,
) -> Result<(Option<Session>, RevokeReason), Error> {
    let token = state.auth.check_token::<RefreshClaims>(token).await?;
    let session = state.store.session(token.claims().sub, token.claims().sid);
    let (claims, session) = state.auth.confirm_beside(token, session).await?;
    if let Some(bearer) = bearer
        && let Ok(access) = state.auth.check_token::<AccessClaims>(bearer).await
    {
        let (access, ()) = state
            .auth
            .confirm_beside(access, async { Ok::<_, StoreError>(()) })
            .await?;
        if access.sub != claims.sub {
            return Err(Error::NotYourSession);
        }
    }
    let lineage = session
        .as_ref()
        .map(|session| session.lineage(&claims.jti, claims.iat));
    let reason = match lineage {
        Some(Lineage::Ancestor) => RevokeReason::RefreshTokenReuse,
        Some(Lineage::Current | Lineage::Previous(_) | Lineage::Newer) | None => RevokeReason::Logout,
    };
    Ok((session, reason))
}
