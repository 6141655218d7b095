//! `DELETE /api/v1/sessions/me/expired`: removes the caller's expired session records now, before TTL does.

use shared::{
    Error, State,
    http::{self, Fault, Request, Response, Route},
    token::AccessClaims,
};

/// What this function answers.
pub const ROUTE: Route = Route {
    method: "DELETE",
    path: "/api/v1/sessions/me/expired",
};

/// Deletes the expired records of the access token's owner.
///
/// # Errors
///
/// 401 when the token or its session is not valid.
pub async fn handle(state: &State, request: Request) -> Result<Response, Fault> {
    let token = state.keys.check::<AccessClaims>(http::bearer(&request)?).await?;
    let sessions = state.store.sessions(token.claims().sub);
    let (claims, sessions) = state.keys.confirm_beside(token, sessions).await?;

    let now = state.clock.now();
    Error::unless_active(sessions.iter().find(|session| session.id == claims.sid), now)?;
    let expired = sessions
        .iter()
        .filter(|session| session.expires_at <= now.seconds());
    let expired: Vec<_> = expired.map(|session| session.id).collect();
    let count = state.store.delete_expired(claims.sub, &expired, now).await?;
    Ok(http::success(&format!("Cleaned up {count} expired sessions")))
}
