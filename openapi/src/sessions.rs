//! The devices that are logged in.

use registry::{activity, cleanup, list, rename, revoke};
use serde_json::json;
use shared::http::{
    model::{Activity, Done, RenameRequest, SessionView, Sessions},
    schema::{Cursor, EventTypes, Id, PageSize},
};

use crate::{
    entry::{Body, Entry, Form, JSON, Link, Parameter, Success, With, of, success},
    examples,
};

/// Its tag.
pub const SESSIONS: &str = "sessions";

pub fn list() -> Entry {
    Entry {
        operation: list::OPERATION,
        tag: SESSIONS,
        parameters: vec![],
        body: None,
        success: Success {
            links: vec![Link {
                name: "revokeSession",
                target: revoke::OPERATION,
                with: With::Parameter("session_id", "$response.body#/sessions/0/id"),
            }],
            ..success::<Sessions>("The active sessions, last used first.", examples::sessions())
        },
    }
}

pub fn activity() -> Entry {
    Entry {
        operation: activity::OPERATION,
        tag: SESSIONS,
        parameters: vec![
            Parameter {
                name: "limit",
                place: "query",
                description: "How many events the page has at most.",
                schema: of::<PageSize>,
                example: json!(20),
            },
            Parameter {
                name: "type",
                place: "query",
                description: "Only events of this type; may be given several times, for several types. A page may then have \
                              fewer events than `limit`, even none, and still a `next_cursor`.",
                schema: of::<EventTypes>,
                example: json!(["login_succeeded", "login_failed"]),
            },
            Parameter {
                name: "cursor",
                place: "query",
                description: "Where the page begins: the `next_cursor` of the page before, which is good for this account \
                              only. None for the first page.",
                schema: of::<Cursor>,
                example: json!(examples::CURSOR),
            },
        ],
        body: None,
        success: Success {
            links: vec![Link {
                name: "nextPage",
                target: activity::OPERATION,
                with: With::Parameter("cursor", "$response.body#/next_cursor"),
            }],
            ..success::<Activity>("A page of events.", examples::activity())
        },
    }
}

pub fn rename() -> Entry {
    Entry {
        operation: rename::OPERATION,
        tag: SESSIONS,
        parameters: vec![Parameter {
            name: "session_id",
            place: "path",
            description: "Which session.",
            schema: of::<Id>,
            example: json!(examples::SESSION),
        }],
        body: Some(Body {
            required: true,
            forms: vec![Form {
                media_type: JSON,
                schema: of::<RenameRequest>,
                examples: vec![("success", "A name", json!({ "device_name": "Kitchen tablet" }))],
            }],
        }),
        success: success::<SessionView>("The session, as the list shows it.", examples::session()),
    }
}

pub fn revoke() -> Entry {
    Entry {
        operation: revoke::OPERATION,
        tag: SESSIONS,
        parameters: vec![Parameter {
            name: "session_id",
            place: "path",
            description: "Which session.",
            schema: of::<Id>,
            example: json!(examples::SESSION),
        }],
        body: None,
        success: success::<Done>(
            "The session has ended.",
            examples::done("Session revoked: My phone"),
        ),
    }
}

pub fn cleanup() -> Entry {
    Entry {
        operation: cleanup::OPERATION,
        tag: SESSIONS,
        parameters: vec![],
        body: None,
        success: success::<Done>("They are gone.", examples::done("Cleaned up 3 expired sessions")),
    }
}
