//! `GET /api/v1/sessions/me/activity`: when and where the account was used, newest first.
//!
//! One round trip: the page is read beside the caller's own session, which confirms the token.

mod cursor;

use shared::{
    State,
    domain::{
        audit::{EventType, MAX_EVENTS_PER_PAGE},
        ids::{EventId, UserId},
        rate::Rule,
        session::SessionRef,
    },
    http::{
        self, Access, ApiError, Code, ErrorFormat, Input, Operation, Request, Response, Route, Sample,
        SampleToken,
        model::{Activity, EventView},
    },
    runtime::{Function, Settings, Trigger},
};

/// What it answers.
pub const OPERATION: Operation = Operation {
    route: Route {
        method: "GET",
        path: "/api/v1/sessions/me/activity",
        access: Access::AccessToken { limit: Rule::List },
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "listActivity",
    summary: "When and where the account was used",
    description: "The audit trail of the account, newest first, page by page: give a page's `next_cursor` as `cursor` to \
                  get the next one. Of some types only, a page may have fewer events than `limit`, even none, and \
                  still a `next_cursor`.",
    reads_body: false,
    writes: false,
    refusals: &[Code::ValidationFailed],
    samples: &[
        Sample {
            event: "first-page",
            token: SampleToken::AccessInHeader,
        },
        Sample {
            event: "next-page",
            token: SampleToken::AccessInHeader,
        },
    ],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[OPERATION]),
    settings: &[Settings::ClientAddress],
    connections: 1,
};

/// How many events a page has by default.
const DEFAULT_LIMIT: u8 = 50;

/// Returns a page of the token owner's audit trail.
///
/// # Errors
///
/// 401 if the token or its session is not valid, 422 for a bad limit, an unknown type, or a cursor that is not
/// this account's.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    let claimed = state.auth.check(&request, &OPERATION).await?;
    let page = page(&request, claimed.user_id())?;
    let read = |own: SessionRef| {
        state
            .store
            .events(own.user_id, &page.types, page.after, page.limit)
    };
    let (caller, trail) = state.auth.caller_beside(claimed, read).await?;
    let view = |event| EventView::new(event, caller.session.id);
    Ok(http::json(&Activity {
        events: trail.events.into_iter().map(view).collect(),
        next_cursor: trail.next.map(|event| cursor::encode(caller.user_id, event)),
    }))
}

struct Page {
    /// Of all types, if none is named.
    types: Vec<EventType>,
    after: Option<EventId>,
    limit: u8,
}

fn page(request: &Request, user: UserId) -> Result<Page, ApiError> {
    let mut input = Input::from_query(request, &["limit", "cursor"]);
    let limit = input.optional_text("limit");
    let limit = input.parse("limit", limit, parse_limit);
    let after = input.optional_text("cursor");
    let after = input.parse("cursor", after, |text| cursor::decode(user, text));
    let types = types(request, &mut input);
    input.finish(|| {
        Some(Page {
            types,
            after,
            limit: limit.unwrap_or(DEFAULT_LIMIT),
        })
    })
}

/// The types that are asked for: `type` may repeat.
fn types(request: &Request, input: &mut Input) -> Vec<EventType> {
    let mut types = Vec::new();
    let names = http::query_values(request, "type");
    if names.len() > EventType::ALL.len() {
        input.add_error(
            "type",
            format!("must be given at most {} times", EventType::ALL.len()),
        );
    }
    for name in names {
        match EventType::parse(&name) {
            Some(known) if types.contains(&known) => {}
            Some(known) => types.push(known),
            None => {
                let names = EventType::ALL.map(EventType::name).join(", ");
                input.add_error("type", format!("must be one of {names}"));
            }
        }
    }
    types
}

fn parse_limit(text: &str) -> Result<u8, String> {
    let number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten();
    number
        .filter(|number| (1..=MAX_EVENTS_PER_PAGE).contains(number))
        .ok_or_else(|| format!("must be a whole number from 1 to {MAX_EVENTS_PER_PAGE}"))
}
