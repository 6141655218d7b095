//! A user's sessions and audit trail, for support staff.

use std::cmp::Reverse;

use serde_json::{Value, json};
use shared::{
    domain::{audit::MAX_EVENTS_PER_PAGE, session::RevokeReason},
    runtime::command::CommandError,
    store::RevokeRequest,
};

use crate::{
    call::Call,
    command::{Activity, RevokeSession, Target},
    find, views,
};

const DEFAULT_EVENTS: i64 = 50;

/// All sessions on record, last used first, with revoked and expired ones until their records are deleted.
pub(crate) async fn list_sessions(call: &Call<'_>, target: &Target) -> Result<Value, CommandError> {
    let credential = find::find(call, &target.whom()?).await?;
    let mut sessions = call.state().store.sessions(credential.account.user_id).await?;
    sessions.sort_by_key(|session| Reverse((session.last_used_at, session.id)));
    let now = call.context.at;
    let active = sessions.iter().filter(|session| session.is_active(now)).count();
    let sessions: Vec<_> = sessions
        .iter()
        .map(|session| views::session(session, now))
        .collect();
    Ok(json!({ "sessions": sessions, "active": active }))
}

pub(crate) async fn revoke_session(call: &Call<'_>, command: &RevokeSession) -> Result<Value, CommandError> {
    let (whom, id) = (command.whom()?, command.session()?);
    let credential = find::find(call, &whom).await?;
    let store = &call.state().store;
    let Some(session) = store.session(credential.account.user_id, id).await? else {
        return Err(CommandError::new(
            "session_not_found",
            "the account has no such session",
        ));
    };
    let mut count = 0;
    if session.may_be_active(call.context.at) {
        let ended = store.revoke_sessions(RevokeRequest {
            sessions: std::slice::from_ref(&session),
            reason: RevokeReason::Admin,
            context: &call.context,
            caller: None,
        });
        count = ended.await?.len();
    }
    Ok(json!({ "sessions_ended": count }))
}

pub(crate) async fn revoke_all_sessions(call: &Call<'_>, target: &Target) -> Result<Value, CommandError> {
    let credential = find::find(call, &target.whom()?).await?;
    let user = credential.account.user_id;
    // First, or one of them would open a session after the others have ended.
    call.state().store.remove_tickets(&credential.account).await?;
    let count = call
        .state()
        .store
        .revoke_all(user, RevokeReason::Admin, &call.context)
        .await?;
    Ok(json!({ "sessions_ended": count }))
}

/// Returns a page of events, newest first.
pub(crate) async fn activity(call: &Call<'_>, page: &Activity) -> Result<Value, CommandError> {
    let whom = page.whom()?;
    let limit = u8::try_from(page.limit.unwrap_or(DEFAULT_EVENTS)).ok();
    let limit = limit.filter(|limit| (1..=MAX_EVENTS_PER_PAGE).contains(limit));
    let limit = limit.ok_or_else(|| {
        let problem = format!("must be a whole number from 1 to {MAX_EVENTS_PER_PAGE}");
        CommandError::field("limit", problem)
    })?;
    let cursor = page.cursor.as_deref().map(str::parse).transpose();
    let cursor =
        cursor.map_err(|_| CommandError::field("cursor", "must be the next_cursor of an earlier answer"))?;
    let credential = find::find(call, &whom).await?;
    let page = call
        .state()
        .store
        .events(credential.account.user_id, &[], cursor, limit)
        .await?;
    let events: Vec<_> = page.events.iter().map(views::event).collect();
    Ok(json!({ "events": events, "next_cursor": page.next }))
}
