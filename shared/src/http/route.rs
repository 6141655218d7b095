//! Routing requests: method, path, size and request id.

use lambda_http::{RequestExt, request::RequestContext};

use super::{error::ApiError, message::Request, operation::Operation};
use crate::domain::{error::FieldError, ids::SessionId};

/// Bodies over this many bytes are refused.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Finds which of a function's operations a request is for.
///
/// # Errors
///
/// 404 for an unknown path, 405 for a wrong method, 413 for a body that is too large.
pub(crate) fn find_operation(
    operations: &'static [Operation],
    request: &Request,
) -> Result<&'static Operation, ApiError> {
    let path = path_without_stage(request);
    let on_path = || {
        operations
            .iter()
            .filter(|operation| same_path(operation.route.path, path))
    };
    if on_path().next().is_none() {
        return Err(ApiError::NotFound);
    }
    let Some(operation) = on_path().find(|operation| request.method() == operation.route.method) else {
        let methods: Vec<_> = on_path().map(|operation| operation.route.method).collect();
        return Err(ApiError::MethodNotAllowed {
            allow: methods.join(", "),
        });
    };
    if request.body().len() > MAX_BODY_BYTES {
        return Err(ApiError::PayloadTooLarge);
    }
    Ok(operation)
}

/// The operation whose errors an unroutable request gets: of its path, else the first one.
pub(crate) fn closest_operation(
    operations: &'static [Operation],
    request: &Request,
) -> Option<&'static Operation> {
    let path = path_without_stage(request);
    let on_path = |operation: &&Operation| same_path(operation.route.path, path);
    let is_method = |operation: &&Operation| request.method() == operation.route.method;
    let exact = operations.iter().filter(on_path).find(is_method);
    exact
        .or_else(|| operations.iter().find(on_path))
        .or_else(|| operations.first())
}

/// The id of the operation that a request is for, kept with the request.
#[derive(Clone, Copy)]
struct OperationId(&'static str);

/// Notes which of its operations the function is to answer.
pub(crate) fn note_operation(request: &mut Request, operation: &'static Operation) {
    request.extensions_mut().insert(OperationId(operation.id));
}

/// Whether a request is for this one of a function's operations.
#[must_use]
pub fn is_for(request: &Request, operation: &Operation) -> bool {
    let id = request.extensions().get::<OperationId>();
    id.is_some_and(|id| id.0 == operation.id)
}

/// API Gateway's request id, or Lambda's if there is none.
pub(crate) fn request_id(request: &Request) -> String {
    let gateway = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    let lambda = || {
        request
            .lambda_context_ref()
            .map(|context| context.request_id.clone())
    };
    gateway
        .filter(|id| !id.is_empty())
        .or_else(lambda)
        .unwrap_or_default()
}

fn path_without_stage(request: &Request) -> &str {
    let path = request.raw_http_path();
    let stage = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.stage.as_deref().unwrap_or_default(),
        _ => "",
    };
    let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(stage));
    match rest {
        Some(rest) if !stage.is_empty() && rest.starts_with('/') => rest,
        _ => path,
    }
}

fn same_path(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(expected), Some(actual)) if expected == actual => {}
            (Some(expected), Some(actual)) if expected.starts_with('{') && !actual.is_empty() => {}
            _ => return false,
        }
    }
}

/// The decoded last segment of the path, which is the path parameter if a route has one.
#[must_use]
pub fn path_parameter(request: &Request) -> String {
    let segment = request.raw_http_path().rsplit('/').next().unwrap_or_default();
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

/// The session that the path names.
///
/// # Errors
///
/// A 422 if it is not a UUID.
pub fn session_id(request: &Request) -> Result<SessionId, ApiError> {
    let id = path_parameter(request).parse::<SessionId>();
    id.map_err(|error| ApiError::validation(vec![FieldError::new("session_id", format!("is {error}"))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_match_one_segment() {
        let pattern = "/api/v1/sessions/{session_id}";
        assert!(same_path(pattern, "/api/v1/sessions/abc"));
        for other in [
            "/api/v1/sessions",
            "/api/v1/sessions/",
            "/api/v1/sessions/a/b",
            "/api/v2/sessions/a",
        ] {
            assert!(!same_path(pattern, other), "{other}");
        }
    }
}
