//! `DELETE /api/v1/sessions/me/expired`: removes the caller's expired session records now, before TTL does.

use shared::{
    State,
    domain::rate::Rule,
    http::{self, Access, ApiError, ErrorFormat, Operation, Request, Response, Route, Sample, SampleToken},
    runtime::{Function, Settings, Trigger},
};

/// What it answers.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "DELETE",
        path: "/api/v1/sessions/me/expired",
        access: Access::AccessToken { limit: Rule::Cleanup },
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "cleanUpSessions",
    summary: "Removes the account's expired session records",
    description: "They would vanish by themselves within days; this removes them now.",
    reads_body: false,
    writes: true,
    refusals: &[],
    samples: &[Sample {
        event: "cleanup",
        token: SampleToken::AccessInHeader,
    }],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION]),
    settings: &[Settings::ClientAddress],
    connections: 1,
};

/// Deletes the token owner's expired sessions.
///
/// # Errors
///
/// 401 if the token or its session is not valid.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    let claimed = state.auth.check(&request, &OPERATION).await?;
    let (caller, sessions) = state.auth.caller_and_sessions(claimed).await?;
    let expired = sessions
        .iter()
        .filter(|session| session.expires_at <= caller.now.seconds());
    let expired: Vec<_> = expired.map(|session| session.id).collect();
    let deleted = state.store.delete_expired(caller.user_id, &expired, caller.now);
    let count = deleted.await?;
    Ok(http::success(format!("Cleaned up {count} expired sessions")))
}
