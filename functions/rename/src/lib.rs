//! `PATCH /api/v1/sessions/{session_id}`: gives one of the caller's devices a name, which no refresh overwrites.

use shared::{
    Error, State,
    domain::{
        device,
        rate::Rule,
        session::{Session, SessionRef, require_active},
    },
    http::{
        self, Access, ApiError, Code, ErrorFormat, Input, Operation, Request, Response, Route, Sample,
        SampleToken, model::SessionView,
    },
    runtime::{Function, Settings, Trigger},
    store::{RenameOutcome, RenameRequest},
};

/// What it answers.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "PATCH",
        path: "/api/v1/sessions/{session_id}",
        access: Access::AccessToken { limit: Rule::Revoke },
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "renameSession",
    summary: "Gives a device a name",
    description: "The owner's name for the device is shown before the one that the device sends, and no refresh \
                  overwrites it. `null` takes it away. The answer is the session as the list shows it.",
    reads_body: true,
    writes: true,
    refusals: &[
        Code::NotYourSession,
        Code::SessionNotFound,
        Code::ValidationFailed,
    ],
    samples: &[
        Sample {
            event: "rename",
            token: SampleToken::AccessInHeader,
        },
        Sample {
            event: "take-away",
            token: SampleToken::AccessInHeader,
        },
    ],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION]),
    settings: &[Settings::ClientAddress],
    connections: 3,
};

/// Names a device. A repeat, after a lost answer, finds the name and changes nothing.
///
/// # Errors
///
/// 403 for another account's session, 404 if there is none, or it is over.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    let claimed = state.auth.check(&request, &OPERATION).await?;
    let target = http::session_id(&request)?;
    let name = read(&request)?;
    let read = |own: SessionRef| async move {
        if target == own.session_id {
            return Ok(None);
        }
        state.store.session(own.user_id, target).await
    };
    let (caller, other) = state.auth.caller_beside(claimed, read).await?;
    let is_current = target == caller.session.id;
    let session = if is_current {
        Some(caller.session.clone())
    } else {
        other
    };
    let show = |session| Ok(http::json(&SessionView::new(session, is_current)));

    if let Some(session) = session.filter(|session| session.is_active(caller.now)) {
        if session.given_name == name {
            // Nothing is committed, so no transaction checks the caller: it is read once more.
            let own = state.store.session(caller.user_id, caller.session.id).await?;
            require_active(own.as_ref(), caller.now)?;
            return show(session);
        }
        let context = http::audit_context(&request, &state.config.trusted_proxy, caller.now);
        let renamed = state.store.rename_session(RenameRequest {
            session: &session,
            name: name.as_deref(),
            caller: caller.session_ref(),
            context: &context,
        });
        match renamed.await? {
            RenameOutcome::Renamed => {
                return show(Session {
                    given_name: name,
                    ..session
                });
            }
            RenameOutcome::NoLongerActive => return Err(Error::SessionNotFound.into()),
        }
    }
    let own = state.store.session(caller.user_id, caller.session.id);
    let (own, owner) = tokio::try_join!(own, state.store.session_owner(target))?;
    require_active(own.as_ref(), caller.now)?;
    Err(match owner {
        Some(owner) if owner != caller.user_id => Error::NotYourSession.into(),
        Some(_) | None => Error::SessionNotFound.into(),
    })
}

/// The name, or `None` to take it away: `null`, or a name without anything visible.
fn read(request: &Request) -> Result<Option<String>, ApiError> {
    let mut input = Input::from_body(request)?;
    let text = input.nullable_text("device_name").flatten();
    if text
        .as_ref()
        .is_some_and(|text| text.is_empty() || text.chars().count() > device::MAX_CHARS)
    {
        input.add_error("device_name", "must have 1 to 255 characters");
    }
    input.finish(|| Some(text.as_deref().and_then(device::name)))
}
