//! The response headers, each described once.

use serde_json::{Map, Value, json};
use shared::http::{ErrorFormat, Operation};

const CHALLENGE: &str = "WWW-Authenticate";
/// [`CHALLENGE`] at the OAuth endpoints.
const BASIC: &str = "WWW-Authenticate-Basic";
const RETRY_AFTER: &str = "Retry-After";
const POLICY: &str = "RateLimit-Policy";
const LIMIT: &str = "RateLimit";

/// Describes each header.
pub fn components() -> Value {
    let text = |pattern: &str| json!({ "type": "string", "maxLength": 400, "pattern": pattern });
    json!({
        CHALLENGE: {
            "description": "Which token is missing or refused (RFC 6750 §3).",
            "required": true,
            "schema": text("^Bearer "),
            "example": "Bearer realm=\"holdfast\"",
        },
        RETRY_AFTER: {
            "description": "How many seconds to wait before the next try.",
            "required": true,
            "schema": { "type": "integer", "minimum": 1, "maximum": 86_400 },
            "example": 42,
        },
        POLICY: {
            "description": "The rules that the request was counted by, once it was: so many requests in so many seconds \
                            (draft-ietf-httpapi-ratelimit-headers-10).",
            "schema": text("^\"[a-z-]+\";q=[0-9]+;w=[0-9]+(, \"[a-z-]+\";q=[0-9]+;w=[0-9]+)*$"),
            "example": "\"list\";q=30;w=60",
        },
        BASIC: {
            "description": "How to authenticate (RFC 7617 §2).",
            "required": true,
            "schema": text("^Basic "),
            "example": "Basic realm=\"holdfast\"",
        },
        LIMIT: {
            "description": "What these rules have left, and for how many seconds.",
            "schema": text("^\"[a-z-]+\";r=[0-9]+;t=[0-9]+(, \"[a-z-]+\";r=[0-9]+;t=[0-9]+)*$"),
            "example": "\"list\";r=29;t=42",
        },
    })
}

/// The headers of answers with this status.
pub fn of(operation: &Operation, status: u16) -> Map<String, Value> {
    // Bodies are read before requests are counted.
    let counted =
        !operation.route.access.limits().is_empty() && !matches!(status, 400 | 413 | 415 | 500 | 503);
    let own: &[&str] = match status {
        401 if operation.route.errors == ErrorFormat::OAuth => &[BASIC],
        401 => &[CHALLENGE],
        409 | 429 | 503 => &[RETRY_AFTER],
        _ => &[],
    };
    let limits: &[&str] = if counted { &[POLICY, LIMIT] } else { &[] };
    let reference = |name: &&str| {
        (
            name.trim_end_matches("-Basic").to_owned(),
            json!({ "$ref": format!("#/components/headers/{name}") }),
        )
    };
    own.iter().chain(limits).map(reference).collect()
}
