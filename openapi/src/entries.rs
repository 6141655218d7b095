//! Parameters, bodies and answers of each operation.

use std::collections::BTreeSet;

use registry::{activity, cleanup, jwks, list, login, logout, logout_all, refresh, rename, revoke};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use shared::http::{
    Operation,
    model::{
        Activity, AuthorizationServer, Done, JwkSet, LoggedIn, LoggedOut, LoginForm, LoginRequest,
        LogoutAllRequest, LogoutRequest, RefreshForm, RefreshRequest, RenameRequest, SessionView, Sessions,
        Tokens,
    },
    schema::{Cursor, DeviceText, EventTypes, Id, IdempotencyKey, PageSize},
};

use crate::examples;

/// The groups of operations.
pub const TAGS: [(&str, &str); 3] = [
    (AUTHENTICATION, "Logging in, staying logged in, logging out."),
    (SESSIONS, "The devices that are logged in."),
    (
        DISCOVERY,
        "What the app's other APIs need to check access tokens.",
    ),
];
const AUTHENTICATION: &str = "authentication";
const SESSIONS: &str = "sessions";
const DISCOVERY: &str = "discovery";

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const NO_STORE: &str = "no-store";

/// Generates a type's schema.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One operation and its details.
pub struct Entry {
    pub operation: Operation,
    pub tag: &'static str,
    pub parameters: Vec<Parameter>,
    pub body: Option<Body>,
    pub success: Success,
}

/// A header, path or query parameter.
pub struct Parameter {
    pub name: &'static str,
    pub place: &'static str,
    pub description: &'static str,
    pub schema: SchemaOf,
    pub example: Value,
}

/// A body in one or more forms.
pub struct Body {
    pub required: bool,
    pub forms: Vec<Form>,
}

/// One form of a body. The contract tests send each example: one named after a problem code must get that problem, any
/// other must succeed.
pub struct Form {
    pub media_type: &'static str,
    pub schema: SchemaOf,
    pub examples: Vec<(&'static str, &'static str, Value)>,
}

/// The 200.
pub struct Success {
    pub description: &'static str,
    pub cache_control: &'static str,
    pub schema: SchemaOf,
    pub example: Value,
    pub links: Vec<Link>,
}

/// A follow-up operation that uses the answer.
pub struct Link {
    pub name: &'static str,
    target: Operation,
    with: With,
}

enum With {
    Nothing,
    Parameter(&'static str, &'static str),
    RefreshToken,
}

impl Link {
    pub fn value(&self) -> Value {
        let mut link = json!({ "operationId": self.target.id, "description": self.target.summary });
        match self.with {
            With::Nothing => {}
            With::Parameter(name, expression) => link["parameters"] = json!({ name: expression }),
            With::RefreshToken => {
                // A string, because some OpenAPI readers accept nothing else here.
                let body = json!({ "refresh_token": "$response.body#/refresh_token" });
                link["requestBody"] = body.to_string().into();
            }
        }
        link
    }
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn success<T: JsonSchema>(description: &'static str, example: Value) -> Success {
    Success {
        description,
        cache_control: NO_STORE,
        schema: of::<T>,
        example,
        links: Vec::new(),
    }
}

/// All declared operations.
#[must_use]
pub fn operations() -> Vec<Operation> {
    all().iter().map(|entry| entry.operation).collect()
}

/// The paths, in the order of the operations.
pub fn paths() -> Vec<&'static str> {
    all().iter().map(|entry| entry.operation.route.path).collect()
}

/// All operations, in reading order.
///
/// # Panics
///
/// If an operation of the registry has no entry here.
pub fn all() -> Vec<Entry> {
    let entries = vec![
        login(),
        refresh(),
        logout(),
        logout_all(),
        list(),
        activity(),
        rename(),
        revoke(),
        cleanup(),
        public_keys(),
        metadata(),
    ];
    let described: BTreeSet<_> = entries.iter().map(|entry| entry.operation.id).collect();
    let declared: BTreeSet<_> = registry::endpoints()
        .map(|endpoint| endpoint.operation.id)
        .collect();
    assert_eq!(
        described, declared,
        "openapi/src/entries.rs must describe the operations of crates/registry"
    );
    entries
}

fn idempotency_key(description: &'static str) -> Parameter {
    Parameter {
        name: "Idempotency-Key",
        place: "header",
        description,
        schema: of::<IdempotencyKey>,
        example: json!("7a1f5c2e-9d3b-4c60-8f0e-2b6d4e8a1c57"),
    }
}

fn device_headers() -> [Parameter; 2] {
    [
        Parameter {
            name: "X-Device-Name",
            place: "header",
            description: "The device's name, as its owner will know it.",
            schema: of::<DeviceText>,
            example: json!("My phone"),
        },
        Parameter {
            name: "X-Device-Id",
            place: "header",
            description: "The device's own id, which stays the same from login to login.",
            schema: of::<DeviceText>,
            example: json!("3f9c2f0e-phone"),
        },
    ]
}

/// Links for a pair of tokens.
fn token_links() -> Vec<Link> {
    let link = |name, target, with| Link { name, target, with };
    vec![
        link("refresh", refresh::OPERATION, With::RefreshToken),
        link("logout", logout::OPERATION, With::RefreshToken),
        link("logoutAll", logout_all::OPERATION, With::Nothing),
        link("listSessions", list::OPERATION, With::Nothing),
        link("listActivity", activity::OPERATION, With::Nothing),
        link(
            "revokeSession",
            revoke::OPERATION,
            With::Parameter("session_id", "$response.body#/session_id"),
        ),
        link("cleanUpSessions", cleanup::OPERATION, With::Nothing),
    ]
}

fn login() -> Entry {
    let right = json!({
        "email": "demo@example.com",
        "password": "correct horse battery staple",
        "device_name": "My phone",
        "device_id": "3f9c2f0e-phone",
    });
    let wrong = json!({ "email": "demo@example.com", "password": "a wrong password" });
    let form = json!({ "username": "demo@example.com", "password": "correct horse battery staple" });
    let ticket = json!({
        "ticket": "ZGVtb0BleGFtcGxlLmNvbQ.m3vS0m0T1cket1sN0tG00dAnyM0re00000000000000",
        "device_name": "My phone",
    });
    let [device_name, device_id] = device_headers();
    Entry {
        operation: login::OPERATION,
        tag: AUTHENTICATION,
        parameters: vec![
            idempotency_key(
                "16 to 128 visible ASCII characters. Of a login with a ticket only: make a fresh random one for each \
                 ticket, and repeat with the same one until an answer arrives.",
            ),
            device_name,
            device_id,
        ],
        body: Some(Body {
            required: true,
            forms: vec![
                Form {
                    media_type: JSON,
                    schema: of::<LoginRequest>,
                    examples: vec![
                        ("success", "A phone logs in", right),
                        ("invalid_ticket", "A ticket that is not good any more", ticket),
                        ("invalid_credentials", "A wrong password", wrong),
                    ],
                },
                Form {
                    media_type: FORM,
                    schema: of::<LoginForm>,
                    examples: vec![("success", "An OAuth 2 password form", form)],
                },
            ],
        }),
        success: Success {
            links: token_links(),
            ..success::<LoggedIn>("Logged in: a new session.", examples::logged_in())
        },
    }
}

fn refresh() -> Entry {
    let [device_name, device_id] = device_headers();
    Entry {
        operation: refresh::OPERATION,
        tag: AUTHENTICATION,
        parameters: vec![
            idempotency_key(
                "16 to 128 visible ASCII characters. Make a fresh random one for each refresh, keep it beside the token \
                 until an answer arrives, and repeat with the same one.",
            ),
            device_name,
            device_id,
        ],
        body: Some(Body {
            required: true,
            forms: vec![
                Form {
                    media_type: JSON,
                    schema: of::<RefreshRequest>,
                    examples: vec![(
                        "success",
                        "A refresh",
                        json!({ "refresh_token": examples::REFRESH_TOKEN }),
                    )],
                },
                Form {
                    media_type: FORM,
                    schema: of::<RefreshForm>,
                    examples: vec![(
                        "success",
                        "A refresh as OAuth 2 sends it",
                        json!({ "grant_type": "refresh_token", "refresh_token": examples::REFRESH_TOKEN }),
                    )],
                },
            ],
        }),
        success: Success {
            links: token_links(),
            ..success::<Tokens>("The successor.", examples::tokens())
        },
    }
}

fn json_body<T: JsonSchema>(examples: Vec<(&'static str, &'static str, Value)>) -> Body {
    Body {
        required: false,
        forms: vec![Form {
            media_type: JSON,
            schema: of::<Option<T>>,
            examples,
        }],
    }
}

fn logout() -> Entry {
    Entry {
        operation: logout::OPERATION,
        tag: AUTHENTICATION,
        parameters: vec![],
        body: Some(json_body::<LogoutRequest>(vec![(
            "success",
            "By the refresh token",
            json!({ "refresh_token": examples::REFRESH_TOKEN }),
        )])),
        success: success::<Done>("Logged out.", examples::done("Logged out successfully")),
    }
}

fn logout_all() -> Entry {
    Entry {
        operation: logout_all::OPERATION,
        tag: AUTHENTICATION,
        parameters: vec![],
        body: Some(json_body::<LogoutAllRequest>(vec![(
            "success",
            "All other devices",
            json!({ "except_current": true }),
        )])),
        success: success::<LoggedOut>("Logged out.", examples::logged_out()),
    }
}

fn list() -> Entry {
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

fn activity() -> Entry {
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

fn rename() -> Entry {
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

fn revoke() -> Entry {
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

fn cleanup() -> Entry {
    Entry {
        operation: cleanup::OPERATION,
        tag: SESSIONS,
        parameters: vec![],
        body: None,
        success: success::<Done>("They are gone.", examples::done("Cleaned up 3 expired sessions")),
    }
}

fn metadata() -> Entry {
    Entry {
        operation: jwks::METADATA,
        tag: DISCOVERY,
        parameters: vec![],
        body: None,
        success: Success {
            cache_control: "public, max-age=300",
            ..success::<AuthorizationServer>("The metadata.", examples::metadata())
        },
    }
}

fn public_keys() -> Entry {
    Entry {
        operation: jwks::PUBLIC_KEYS,
        tag: DISCOVERY,
        parameters: vec![],
        body: None,
        success: Success {
            cache_control: "public, max-age=300",
            ..success::<JwkSet>("The keys.", examples::jwk_set())
        },
    }
}
