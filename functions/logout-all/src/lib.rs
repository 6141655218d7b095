//! `POST /api/v1/auth/logout-all`: revokes all of the caller's sessions, or all but this one.

use shared::{
    State,
    domain::{rate::Rule, session::RevokeReason},
    http::{
        self, Access, ApiError, ErrorFormat, Input, Operation, Request, Response, Route, Sample, SampleToken,
        model::LoggedOut,
    },
    runtime::{Function, Settings, Trigger},
    store::{RevokeError, RevokeRequest},
};

/// What it answers.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "POST",
        path: "/api/v1/auth/logout-all",
        access: Access::AccessToken {
            limit: Rule::LogoutAll,
        },
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "logoutAll",
    summary: "Ends all sessions of the account",
    description: "All of them, or all but the one of the access token.",
    reads_body: true,
    writes: true,
    refusals: &[],
    samples: &[
        Sample {
            event: "except-current",
            token: SampleToken::AccessInHeader,
        },
        Sample {
            event: "all",
            token: SampleToken::AccessInHeader,
        },
    ],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION]),
    settings: &[Settings::ClientAddress],
    connections: 2,
};

/// Revokes the sessions of the access token's owner.
///
/// # Errors
///
/// 401 if the token or its session is not valid.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    let claimed = state.auth.check(&request, &OPERATION).await?;
    let mut input = Input::from_optional_body(&request)?;
    let except_current = input.flag("except_current");
    let except_current = input.finish(|| Some(except_current))?;
    let (own, mut sessions) = state.auth.caller_and_sessions(claimed).await?;
    let context = http::audit_context(&request, &state.config.trusted_proxy, own.now);
    let mut caller = Some(own.session_ref());
    let mut count = 0;
    loop {
        sessions.retain(|session| {
            session.may_be_active(context.at) && !(except_current && session.id == own.session.id)
        });
        let ended = state.store.revoke_sessions(RevokeRequest {
            sessions: &sessions,
            reason: RevokeReason::LogoutAll,
            context: &context,
            caller,
        });
        let ended = match ended.await {
            Ok(ended) => ended,
            // The caller's session was ended meanwhile, after it had ended others: that was done, and is told.
            Err(RevokeError::Expired | RevokeError::Revoked) if count > 0 => break,
            Err(error) => return Err(error.into()),
        };
        count += ended.len();
        if ended.len() == sessions.len() {
            break;
        }
        // Some were over already. A login may have replaced them, and its session must go too, although queries may
        // not show it yet.
        caller = caller.filter(|caller| !ended.contains(&caller.session_id));
        state.store.wait_for_queries().await;
        sessions = state.store.sessions(own.user_id).await?;
    }
    Ok(http::json(&LoggedOut {
        success: true,
        message: format!("Successfully logged out from {count} sessions"),
        count,
    }))
}
