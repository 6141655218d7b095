//! Answers that are not errors.

use lambda_http::{Body, http::header};
use serde_json::{Map, Value, json};

use super::Response;
use crate::{ids::SessionId, token::Issued};

/// A 200 with a JSON body.
#[must_use]
pub fn json(body: &Value) -> Response {
    let mut response = Response::new(Body::Text(body.to_string()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}

/// `{"success": true, "message": …}`.
#[must_use]
pub fn success(message: &str) -> Response {
    json(&json!({ "success": true, "message": message }))
}

/// A token response (RFC 6749 §5.1), with `more` members.
#[must_use]
pub fn tokens(issued: &Issued, session: SessionId, more: Map<String, Value>) -> Response {
    let mut body = json!({
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "token_type": "bearer",
        "expires_in": issued.expires_in,
        "refresh_token_expires_in": issued.refresh_token_expires_in,
        "session_id": session,
    });
    if let Value::Object(members) = &mut body {
        members.extend(more);
    }
    json(&body)
}
