//! `GET /api/v1/sessions/me`: the caller's active sessions, last used first.
//!
//! One round trip: the query that lists the sessions also finds the caller's own, by which the token is judged.

use std::cmp::Reverse;

use serde_json::{Value, json};
use shared::{
    Error, State,
    http::{self, Fault, Request, Response, Route},
    rate::Rule,
    session::Session,
    token::AccessClaims,
};

/// What this function answers.
pub const ROUTE: Route = Route {
    method: "GET",
    path: "/api/v1/sessions/me",
};

/// Lists the sessions of the access token's owner.
///
/// # Errors
///
/// 401 when the token or its session is not valid.
pub async fn handle(state: &State, request: Request) -> Result<Response, Fault> {
    let token = state.keys.check::<AccessClaims>(http::bearer(&request)?).await?;
    let user = token.claims().sub;
    let quotas = http::quotas(&request);
    let reads = async {
        tokio::try_join!(
            state.limiter.by_user(&quotas, Rule::List, user),
            state.store.sessions(user)
        )
    };
    let (claims, (limit, mut sessions)) = state.keys.confirm_beside(token, reads).await?;

    let now = state.clock.now();
    Error::unless_active(sessions.iter().find(|session| session.id == claims.sid), now)?;
    limit.allowed()?;
    sessions.retain(|session| session.is_active(now));
    sessions.sort_by_key(|session| Reverse((session.last_used_at, session.id)));

    let view = |session: &Session| view(session, session.id == claims.sid);
    let sessions: Vec<_> = sessions.iter().map(view).collect();
    Ok(http::json(
        &json!({ "total": sessions.len(), "sessions": sessions }),
    ))
}

fn view(session: &Session, is_current: bool) -> Value {
    json!({
        "id": session.id,
        "device_name": session.device_name,
        "device_id": session.device_id,
        "ip_address": session.origin.ip_address,
        "location_city": session.origin.city,
        "location_country": session.origin.country,
        "last_used_at": session.last_used_at.to_string(),
        "created_at": session.created_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "is_current": is_current,
    })
}
