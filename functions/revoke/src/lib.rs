//! `DELETE /api/v1/sessions/{session_id}`: ends one of the caller's sessions.

use shared::{
    Error, State,
    auth::AccessClaims,
    domain::{
        error::FieldError,
        ids::{SessionId, UserId},
        rate::Rule,
        session::{EndReason, Session, require_active},
    },
    http::{self, Access, Code, Fault, Operation, Request, Response, Route},
    store::{Caller, EndRequest, StoreError},
};

/// What this function answers.
pub const ROUTE: Route = Route {
    method: "DELETE",
    path: "/api/v1/sessions/{session_id}",
};

/// How many connections a start opens. To open the others in its first request would cost more processor time than a
/// function of 256 MB gets at once: the answer would come in the next of Lambda's periods, 20 ms later.
pub const CONNECTIONS: usize = 3;

/// How it is described.
pub const OPERATION: Operation = Operation {
    route: ROUTE,
    id: "revokeSession",
    summary: "Ends one session of the account",
    description: "Logs another device out, or this one. Its access token is refused at once. A session that was ended \
                  before is a success as well; one that has expired is not found.",
    access: Access::Bearer,
    reads_body: false,
    limits: &[Rule::Revoke],
    refusals: &[
        Code::NotYourSession,
        Code::SessionNotFound,
        Code::ValidationFailed,
    ],
};

/// Ends the session that the path names, if it is the caller's.
///
/// # Errors
///
/// 401 when the token or its session is not valid, 422 when the path names no UUID, 403 for another account's session,
/// 404 for none.
pub async fn handle(state: &State, request: Request) -> Result<Response, Fault> {
    let token = state
        .auth
        .check_token::<AccessClaims>(http::bearer(&request)?)
        .await?;
    let target = http::path_parameter(&request).parse::<SessionId>();
    let target =
        target.map_err(|error| Fault::validation(vec![FieldError::new("session_id", format!("is {error}"))]));
    let (user, own) = (token.claims().sub, token.claims().sid);

    let quotas = http::quotas(&request);
    let reads = async {
        let other = async {
            match &target {
                Ok(id) if *id != own => state.store.session(user, *id).await,
                _ => Ok(None),
            }
        };
        tokio::try_join!(
            state.limiter.by_user(&quotas, Rule::Revoke, user),
            state.store.session(user, own),
            other
        )
    };
    let (claims, (limit, own, other)) = state.auth.confirm_beside(token, reads).await?;
    let cause = http::origin(&request, &state.config.trusted_proxy, state.clock.now());
    let own = require_active(own.as_ref(), cause.at)?;
    limit.allowed()?;

    let target = target?;
    let session = if target == claims.sid {
        Some(own)
    } else {
        other.as_ref()
    };
    if let Some(session) = session.filter(|session| session.is_active(cause.at)) {
        let ended = state.store.end_sessions(EndRequest {
            sessions: std::slice::from_ref(session),
            reason: EndReason::Revoked,
            cause: &cause,
            caller: Some(Caller {
                user_id: user,
                session_id: claims.sid,
            }),
        });
        ended.await?;
        return Ok(revoked(session));
    }
    // There is nothing to commit, and so nothing that would check the caller in the same moment.
    let (own, refusal) = tokio::try_join!(state.store.session(user, claims.sid), async {
        match session {
            Some(_) => Ok(Error::SessionNotFound),
            None => absent(state, target, user).await,
        }
    })?;
    require_active(own.as_ref(), cause.at)?;
    match session {
        // A record past its time is as good as gone, whether or not TTL has come by.
        Some(session) if session.expires_at > cause.at.seconds() => Ok(revoked(session)),
        Some(_) | None => Err(refusal.into()),
    }
}

fn revoked(session: &Session) -> Response {
    http::success(format!("Session revoked: {}", name(session)))
}

fn name(session: &Session) -> &str {
    if session.device_name.is_empty() {
        "Unknown device"
    } else {
        &session.device_name
    }
}

/// Why the caller has no such session: it is somebody else's, or nobody's.
async fn absent(state: &State, session: SessionId, caller: UserId) -> Result<Error, StoreError> {
    Ok(match state.store.session_owner(session).await? {
        Some(owner) if owner != caller => Error::NotYourSession,
        Some(_) | None => Error::SessionNotFound,
    })
}
