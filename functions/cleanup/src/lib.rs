//! `DELETE /api/v1/sessions/me/expired`: removes the caller's expired session records now, before TTL does.

use shared::{
    State,
    auth::AccessClaims,
    domain::{rate::Rule, session::require_active},
    http::{self, Access, Fault, Operation, Request, Response, Route},
};

/// What this function answers.
pub const ROUTE: Route = Route {
    method: "DELETE",
    path: "/api/v1/sessions/me/expired",
};

/// How it is described.
pub const OPERATION: Operation = Operation {
    route: ROUTE,
    id: "cleanUpSessions",
    summary: "Removes the account's expired session records",
    description: "They would vanish by themselves within days; this removes them now.",
    access: Access::Bearer,
    reads_body: false,
    limits: &[Rule::Cleanup],
    refusals: &[],
};

/// Deletes the expired records of the access token's owner.
///
/// # Errors
///
/// 401 when the token or its session is not valid.
pub async fn handle(state: &State, request: Request) -> Result<Response, Fault> {
    let token = state
        .auth
        .check_token::<AccessClaims>(http::bearer(&request)?)
        .await?;
    let user = token.claims().sub;
    let quotas = http::quotas(&request);
    let reads = async {
        tokio::try_join!(
            state.limiter.by_user(&quotas, Rule::Cleanup, user),
            state.store.sessions(user)
        )
    };
    let (claims, (limit, sessions)) = state.auth.confirm_beside(token, reads).await?;

    let now = state.clock.now();
    require_active(sessions.iter().find(|session| session.id == claims.sid), now)?;
    limit.allowed()?;
    let expired = sessions
        .iter()
        .filter(|session| session.expires_at <= now.seconds());
    let expired: Vec<_> = expired.map(|session| session.id).collect();
    let count = state.store.delete_expired(claims.sub, &expired, now).await?;
    Ok(http::success(format!("Cleaned up {count} expired sessions")))
}
