//! Committing a login, whatever it was decided by.

use shared::{
    Error,
    domain::{
        account::Credential,
        audit::AuditContext,
        session::{RevokeReason, Session},
    },
    http::ApiError,
    store::{LoginCommit, LoginOutcome, LoginProof, RevokeRequest, StoreError},
};

use crate::{plan, state::LoginState};

/// How often a login starts over because others got in between. Each time, one of those succeeded.
pub(crate) const MAX_ATTEMPTS: u32 = 64;

/// The error after as many attempts.
pub(crate) const CONTENDED: StoreError = StoreError::Contended {
    operation: "logging in",
};

/// Commits the new session, with the end of those that it supersedes or whose place it takes; `sessions` are the account's,
/// read after `credential`. Beside it, removes a few records of sessions that are long over.
pub(crate) async fn commit(
    login: &LoginState,
    credential: &Credential,
    sessions: &[Session],
    session: &Session,
    proof: LoginProof<'_>,
    context: &AuditContext,
) -> Result<LoginOutcome, ApiError> {
    let state = &login.signing.state;
    let mut plan = plan::plan(sessions, session, context.at, state.config.max_sessions_per_user);
    end_surplus(login, &mut plan.revoke, context).await?;
    let commit = LoginCommit {
        credential,
        proof,
        session,
        revoke: &plan.revoke,
        context,
    };
    let (outcome, swept) = tokio::join!(
        state.store.commit_login(commit),
        state.store.delete_stale(session.user_id, &plan.stale, context.at)
    );
    if let Err(error) = swept {
        tracing::warn!(error = %Error::from(error).report(), "ended sessions could not be removed");
    }
    Ok(outcome?)
}

/// If one transaction cannot revoke all surplus sessions (the limit was lowered by a lot), revokes the rest first.
async fn end_surplus(
    login: &LoginState,
    revoke: &mut Vec<(Session, RevokeReason)>,
    context: &AuditContext,
) -> Result<(), ApiError> {
    if revoke.len() <= LoginCommit::MAX_REVOCATIONS {
        return Ok(());
    }
    for (session, reason) in revoke.split_off(LoginCommit::MAX_REVOCATIONS) {
        let request = RevokeRequest {
            sessions: &[session],
            reason,
            context,
            caller: None,
        };
        login.signing.state.store.revoke_sessions(request).await?;
    }
    Ok(())
}
