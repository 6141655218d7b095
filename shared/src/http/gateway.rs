//! Turns events into requests, first fixing whatever `lambda_http` would panic on.

use base64::{Engine, engine::general_purpose::STANDARD};
use lambda_http::{http::header::HOST, request::LambdaRequest};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::message::Request;

/// Characters that a query must escape (RFC 3986 §3.4).
const NOT_IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Maximum bytes of a path and of a query. API Gateway lets no more through; longer ones become 404.
const MAX_BYTES: usize = 10 * 1024;

/// Turns an event into a request. Every event yields one.
#[must_use]
pub fn request_from_event(mut event: LambdaRequest) -> Request {
    sanitize(&mut event);
    event.into()
}

/// Makes an event safe to convert.
///
/// `lambda_http` builds a URI from host, scheme (`X-Forwarded-Proto`), path and query, and panics if it is invalid.
/// Host and scheme may come from the client and are not read here, so they are removed; path and query are fixed.
pub fn sanitize(event: &mut LambdaRequest) {
    let LambdaRequest::ApiGatewayV2(event) = event else {
        return;
    };
    event.headers.remove(HOST);
    event.headers.remove("x-forwarded-proto");
    event.request_context.domain_name = None;
    let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > MAX_BYTES);
    if is_long(&event.raw_path) || is_long(&event.raw_query_string) {
        event.raw_path = None;
        event.raw_query_string = None;
    }
    if let Some(path) = event.raw_path.as_mut().filter(|path| !path.starts_with('/')) {
        path.insert(0, '/');
    }
    if let Some(query) = &mut event.raw_query_string {
        *query = utf8_percent_encode(query, NOT_IN_QUERY).to_string();
    }
    let encoded = event.body.as_deref().filter(|_| event.is_base64_encoded);
    if encoded.is_some_and(|body| STANDARD.decode(body).is_err()) {
        event.is_base64_encoded = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_query_that_is_too_long_for_a_uri_is_nowhere() {
        let event = include_str!("../../../events/list/list.json");
        for member in ["rawPath", "rawQueryString"] {
            let mut event: serde_json::Value = serde_json::from_str(event).unwrap();
            event[member] = format!("/{}", "é".repeat(40_000)).into();
            let request = request_from_event(serde_json::from_value(event).unwrap());
            assert_eq!((request.uri().path(), request.uri().query()), ("/", None));
        }
    }
}
