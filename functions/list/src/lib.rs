//! `GET /api/v1/sessions/me`: the caller's active sessions, last used first.
//!
//! One round trip: the query that lists the sessions also finds the caller's own, by which the token is judged.

use std::cmp::Reverse;

use shared::{
    State,
    auth::AccessClaims,
    domain::{
        rate::Rule,
        session::{Session, require_active},
    },
    http::{
        self, Access, Fault, Operation, Request, Response, Route,
        model::{SessionView, Sessions},
    },
};

/// What this function answers.
pub const ROUTE: Route = Route {
    method: "GET",
    path: "/api/v1/sessions/me",
};

/// How it is described.
pub const OPERATION: Operation = Operation {
    route: ROUTE,
    id: "listSessions",
    summary: "The active sessions of the account",
    description: "Every device that is logged in, last used first. `is_current` marks the session of the presented \
                  access token.",
    access: Access::Bearer,
    reads_body: false,
    limits: &[Rule::List],
    refusals: &[],
};

/// Lists the sessions of the access token's owner.
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
            state.limiter.by_user(&quotas, Rule::List, user),
            state.store.sessions(user)
        )
    };
    let (claims, (limit, mut sessions)) = state.auth.confirm_beside(token, reads).await?;

    let now = state.clock.now();
    require_active(sessions.iter().find(|session| session.id == claims.sid), now)?;
    limit.allowed()?;
    sessions.retain(|session| session.is_active(now));
    sessions.sort_by_key(|session| Reverse((session.last_used_at, session.id)));

    let view = |session: Session| {
        let is_current = session.id == claims.sid;
        SessionView::new(session, is_current)
    };
    Ok(http::json(&Sessions {
        total: sessions.len(),
        sessions: sessions.into_iter().map(view).collect(),
    }))
}
