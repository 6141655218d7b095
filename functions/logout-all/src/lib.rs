//! `POST /api/v1/auth/logout-all`: ends all of the caller's sessions, or all but this one.

use shared::{
    State,
    auth::AccessClaims,
    domain::{
        rate::Rule,
        session::{EndReason, require_active},
    },
    http::{self, Access, Fault, Fields, Operation, Request, Response, Route, model::LoggedOut},
    store::{Caller, EndRequest},
};

/// What this function answers.
pub const ROUTE: Route = Route {
    method: "POST",
    path: "/api/v1/auth/logout-all",
};

/// How many connections a start opens. To open the second one in its first request would cost more processor time than a
/// function of 256 MB gets at once: the answer would come in the next of Lambda's periods, 20 ms later.
pub const CONNECTIONS: usize = 2;

/// How it is described.
pub const OPERATION: Operation = Operation {
    route: ROUTE,
    id: "logoutAll",
    summary: "Ends all sessions of the account",
    description: "All of them, or all but the one of the access token.",
    access: Access::Bearer,
    reads_body: true,
    limits: &[Rule::Revoke],
    refusals: &[],
};

/// Ends the sessions of the access token's owner.
///
/// # Errors
///
/// 401 when the token or its session is not valid.
pub async fn handle(state: &State, request: Request) -> Result<Response, Fault> {
    let token = state
        .auth
        .check_token::<AccessClaims>(http::bearer(&request)?)
        .await?;
    let mut fields = Fields::optional(&request)?;
    let except_current = fields.flag("except_current");
    fields.finish()?;

    let user = token.claims().sub;
    let quotas = http::quotas(&request);
    let reads = async {
        tokio::try_join!(
            state.limiter.by_user(&quotas, Rule::Revoke, user),
            state.store.sessions(user)
        )
    };
    let (claims, (limit, mut sessions)) = state.auth.confirm_beside(token, reads).await?;
    let cause = http::origin(&request, &state.config.trusted_proxy, state.clock.now());
    require_active(sessions.iter().find(|session| session.id == claims.sid), cause.at)?;
    limit.allowed()?;
    let mut caller = Some(Caller {
        user_id: user,
        session_id: claims.sid,
    });
    let mut count = 0;
    loop {
        sessions
            .retain(|session| session.is_active(cause.at) && !(except_current && session.id == claims.sid));
        let ended = state.store.end_sessions(EndRequest {
            sessions: &sessions,
            reason: EndReason::LogoutAll,
            cause: &cause,
            caller,
        });
        let ended = ended.await?;
        count += ended.len();
        if ended.len() == sessions.len() {
            break;
        }
        // Some had ended by themselves: perhaps a login took their place, and its session is to go as well, although
        // a query may not show it yet.
        caller = caller.filter(|caller| !ended.contains(&caller.session_id));
        state.store.settle().await;
        sessions = state.store.sessions(user).await?;
    }
    Ok(http::json(&LoggedOut {
        success: true,
        message: format!("Successfully logged out from {count} sessions"),
        count,
    }))
}
