//! Answers that are not errors.

use lambda_http::{Body, http::header};
use serde::Serialize;

use super::{message::Response, model::sessions::Done};

/// A 200 with a JSON body.
///
/// # Panics
///
/// If `body` cannot be serialised to JSON; all types of [`super::model`] can.
#[must_use]
pub fn json<T: Serialize>(body: &T) -> Response {
    let text = serde_json::to_string(body).expect("members are texts, numbers, flags, and lists of them");
    let mut response = Response::new(Body::Text(text));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}

/// `{"success": true, "message": …}`.
#[must_use]
pub fn success(message: impl Into<String>) -> Response {
    json(&Done {
        success: true,
        message: message.into(),
    })
}
