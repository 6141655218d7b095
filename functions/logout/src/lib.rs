//! `POST /api/v1/auth/logout` and, for OAuth's own clients, `POST /oauth2/revoke`: revokes the session of the access
//! token, or of the refresh token in the body.
//!
//! Either suffices, because the access token has often expired by the time of logout.

use shared::{
    Error, State,
    auth::{AccessClaims, RefreshClaims},
    domain::session::{Lineage, RevokeReason, Session},
    http::{
        self, Access, ApiError, Code, ErrorFormat, Input, Operation, Request, Response, Route, Sample,
        SampleToken, model::TokenRevoked,
    },
    runtime::{Function, Settings, Trigger, metrics},
    store::{RevokeRequest, StoreError},
};

/// The app's endpoint.
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

/// OAuth's revocation endpoint (RFC 7009).
pub const REVOKE_TOKEN: Operation = Operation {
    route: Route {
        method: "POST",
        path: "/oauth2/revoke",
        access: Access::Public { limits: &[] },
        is_counted: false,
        errors: ErrorFormat::OAuth,
    },
    id: "revokeToken",
    summary: "Ends the session of a token, as OAuth's clients do",
    description: "The same as `logout`, for libraries that speak OAuth (RFC 7009): ends the session of a refresh token or \
                  of an access token that has not expired. A token that is unknown, expired or revoked is a success \
                  as well (RFC 7009 §2.2). `token_type_hint` is not needed.",
    reads_body: true,
    writes: true,
    refusals: &[Code::UnknownClient, Code::InvalidClient],
    samples: &[
        Sample {
            event: "oauth-refresh-token",
            token: SampleToken::RefreshAsToken,
        },
        Sample {
            event: "oauth-access-token",
            token: SampleToken::AccessAsToken,
        },
    ],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION, REVOKE_TOKEN]),
    settings: &[Settings::ClientAddress],
    connections: 1,
};

/// Revokes the session. If it is over already that is a success too, so that a retry after a lost answer succeeds.
///
/// # Errors
///
/// 401 without a valid token, 403 if the two tokens are of different accounts; neither at OAuth's endpoint.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    if http::is_for(&request, &REVOKE_TOKEN) {
        let mut input = http::public_client_form(&request, &state.config.tokens.client_id)?;
        let token = input.required_text("token");
        let token = input.finish(|| token)?;
        let (session, reason) = by_any_token(state, &token).await?;
        end(state, &request, session, reason).await?;
        return Ok(http::json(&TokenRevoked {}));
    }
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
    end(state, &request, session, reason).await?;
    Ok(http::success("Logged out successfully"))
}

async fn end(
    state: &State,
    request: &Request,
    session: Option<Session>,
    reason: RevokeReason,
) -> Result<(), Error> {
    let context = http::audit_context(request, &state.config.trusted_proxy, state.clock.now());
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
    Ok(())
}

/// Either kind of token: its type says which. One that is not valid is nobody's.
async fn by_any_token(state: &State, token: &str) -> Result<(Option<Session>, RevokeReason), Error> {
    let by_refresh_token = by_refresh_token(state, token, None).await;
    let found = match by_refresh_token {
        Err(Error::InvalidToken(_)) => {
            let session = by_access_token(state, token).await;
            session.map(|session| (session, RevokeReason::Logout))
        }
        found => found,
    };
    match found {
        Err(Error::InvalidToken(_) | Error::TokenExpired) => Ok((None, RevokeReason::Logout)),
        found => found,
    }
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
