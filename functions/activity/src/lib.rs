//! `GET /api/v1/sessions/me/activity`: when and where the account was used, newest first.
//!
//! One round trip: the page of the trail is read beside the caller's own session, by which the token is judged.

mod cursor;

use shared::{
    State,
    auth::AccessClaims,
    domain::{
        audit::MAX_EVENTS_PER_PAGE,
        ids::{EventId, UserId},
        rate::Rule,
        session::require_active,
    },
    http::{
        self, Access, Code, Fault, Fields, Operation, Request, Response, Route,
        model::{Activity, EventView},
    },
    store::EventPage,
};

/// What this function answers.
pub const ROUTE: Route = Route {
    method: "GET",
    path: "/api/v1/sessions/me/activity",
};

/// How it is described.
pub const OPERATION: Operation = Operation {
    route: ROUTE,
    id: "listActivity",
    summary: "When and where the account was used",
    description: "The audit trail of the account, newest first, page by page: give a page's `next_cursor` as `cursor` to \
                  get the next one.",
    access: Access::Bearer,
    reads_body: false,
    limits: &[Rule::List],
    refusals: &[Code::ValidationFailed],
};

/// How many events a page has unless the request says.
const DEFAULT_LIMIT: u8 = 50;

/// Shows one page of the trail of the access token's owner.
///
/// # Errors
///
/// 401 when the token or its session is not valid, 422 for a limit that is none or a cursor that is not this account's.
pub async fn handle(state: &State, request: Request) -> Result<Response, Fault> {
    let token = state
        .auth
        .check_token::<AccessClaims>(http::bearer(&request)?)
        .await?;
    let (user, own) = (token.claims().sub, token.claims().sid);
    let page = page(&request, user);
    let quotas = http::quotas(&request);

    let reads = async {
        let trail = async {
            match &page {
                Ok(page) => state.store.events(user, page.after, page.limit).await,
                Err(_) => Ok(EventPage::default()),
            }
        };
        tokio::try_join!(
            state.limiter.by_user(&quotas, Rule::List, user),
            state.store.session(user, own),
            trail
        )
    };
    let (claims, (limit, session, trail)) = state.auth.confirm_beside(token, reads).await?;
    require_active(session.as_ref(), state.clock.now())?;
    limit.allowed()?;
    page?;

    let view = |event| EventView::new(event, claims.sid);
    Ok(http::json(&Activity {
        events: trail.events.into_iter().map(view).collect(),
        next_cursor: trail.next.map(|event| cursor::encode(user, event)),
    }))
}

struct Page {
    after: Option<EventId>,
    limit: u8,
}

fn page(request: &Request, user: UserId) -> Result<Page, Fault> {
    let mut fields = Fields::query(request, &["limit", "cursor"]);
    let limit = fields.optional_text("limit");
    let limit = fields.parsed("limit", limit, limit_of);
    let after = fields.optional_text("cursor");
    let after = fields.parsed("cursor", after, |text| cursor::decode(user, text));
    fields.finish()?;
    Ok(Page {
        after,
        limit: limit.unwrap_or(DEFAULT_LIMIT),
    })
}

fn limit_of(text: &str) -> Result<u8, String> {
    let number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten();
    number
        .filter(|number| (1..=MAX_EVENTS_PER_PAGE).contains(number))
        .ok_or_else(|| format!("must be a whole number from 1 to {MAX_EVENTS_PER_PAGE}"))
}
