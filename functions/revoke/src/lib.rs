//! `DELETE /api/v1/sessions/{session_id}`: revokes one of the caller's sessions.

use shared::{
    Error, State,
    domain::{
        ids::{SessionId, UserId},
        rate::Rule,
        session::{RevokeReason, Session, SessionRef, require_active},
    },
    http::{
        self, Access, ApiError, Code, ErrorFormat, Operation, Request, Response, Route, Sample, SampleToken,
    },
    runtime::{Function, Settings, Trigger},
    store::{RevokeRequest, StoreError},
};

/// What it answers.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "DELETE",
        path: "/api/v1/sessions/{session_id}",
        access: Access::AccessToken { limit: Rule::Revoke },
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "revokeSession",
    summary: "Ends one session of the account",
    description: "Logs another device out, or this one. Its access token is refused at once. A session that was ended \
                  before is a success as well; one that has expired is not found.",
    reads_body: false,
    writes: true,
    refusals: &[
        Code::NotYourSession,
        Code::SessionNotFound,
        Code::ValidationFailed,
    ],
    samples: &[Sample {
        event: "revoke",
        token: SampleToken::AccessInHeader,
    }],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION]),
    settings: &[Settings::ClientAddress],
    connections: 3,
};

/// Revokes the session that the path names, if it is the caller's.
///
/// # Errors
///
/// 401 if the token or its session is not valid, 422 if the path names no UUID, 403 for another account's session, 404
/// for none.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    let claimed = state.auth.check(&request, &OPERATION).await?;
    let target = http::session_id(&request)?;
    let read = |own: SessionRef| async move {
        if target == own.session_id {
            return Ok(None);
        }
        state.store.session(own.user_id, target).await
    };
    let (caller, other) = state.auth.caller_beside(claimed, read).await?;
    let session = if target == caller.session.id {
        Some(&caller.session)
    } else {
        other.as_ref()
    };
    if let Some(session) = session.filter(|session| session.may_be_active(caller.now)) {
        let context = http::audit_context(&request, &state.config.trusted_proxy, caller.now);
        let ended = state.store.revoke_sessions(RevokeRequest {
            sessions: std::slice::from_ref(session),
            reason: RevokeReason::Revoked,
            context: &context,
            caller: Some(caller.session_ref()),
        });
        ended.await?;
        return Ok(revoked(session));
    }
    // Nothing is committed, so no transaction checks the caller: it is read once more.
    let (own, refusal) = tokio::try_join!(state.store.session(caller.user_id, caller.session.id), async {
        match session {
            Some(_) => Ok(Error::SessionNotFound),
            None => absent(state, target, caller.user_id).await,
        }
    })?;
    require_active(own.as_ref(), caller.now)?;
    match session {
        // An expired record counts as gone, even if TTL has not deleted it yet.
        Some(session) if !session.is_past(caller.now) => Ok(revoked(session)),
        Some(_) | None => Err(refusal.into()),
    }
}

fn revoked(session: &Session) -> Response {
    http::success(format!("Session revoked: {}", name(session)))
}

fn name(session: &Session) -> &str {
    match session.shown_name() {
        "" => "Unknown device",
        name => name,
    }
}

/// Whether the session is another account's, or nobody's.
async fn absent(state: &State, session: SessionId, caller: UserId) -> Result<Error, StoreError> {
    Ok(match state.store.session_owner(session).await? {
        Some(owner) if owner != caller => Error::NotYourSession,
        Some(_) | None => Error::SessionNotFound,
    })
}
