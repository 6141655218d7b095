//! `GET /api/v1/sessions/me`: the caller's active sessions, last used first.
//!
//! One round trip: the query that lists the sessions also finds the caller's own, which confirms the token.

use std::cmp::Reverse;

use shared::{
    State,
    domain::rate::Rule,
    http::{
        self, Access, ApiError, ErrorFormat, Operation, Request, Response, Route, Sample, SampleToken,
        model::Sessions,
    },
    runtime::{Function, Settings, Trigger},
};

/// What it answers.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "GET",
        path: "/api/v1/sessions/me",
        access: Access::AccessToken { limit: Rule::List },
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "listSessions",
    summary: "The active sessions of the account",
    description: "Every device that is logged in, last used first. `is_current` marks the session of the presented \
                  access token.",
    reads_body: false,
    writes: false,
    refusals: &[],
    samples: &[Sample {
        event: "list",
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

/// Lists the token owner's active sessions.
///
/// # Errors
///
/// 401 if the token or its session is not valid.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    let claimed = state.auth.check(&request, &OPERATION).await?;
    let (caller, mut sessions) = state.auth.caller_and_sessions(claimed).await?;
    sessions.retain(|session| session.is_active(caller.now));
    sessions.sort_by_key(|session| Reverse((session.last_used_at, session.id)));
    Ok(http::json(&Sessions::new(sessions, caller.session.id)))
}
