//! What every request passes through: method, size, time, panic and error handling, common headers, one log line.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use lambda_http::{RequestExt, http::header, request::RequestContext};

use super::{Request, Response, error::Fault, problem, quota};
use crate::{metrics, rate::Quotas};

/// Bodies over this many bytes are refused.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// The routes whose outcomes are counted, each with its function's name: whether people can log in and stay logged
/// in. Lambda and API Gateway count everything else.
const COUNTED: [(&str, &str); 2] = [
    ("/api/v1/auth/login", "login"),
    ("/api/v1/auth/refresh", "refresh"),
];

/// How long a handler may take. Each call of the table has limits of its own (`aws::timeouts`), but a request that
/// makes several, or repeats one that keeps colliding, could add them up past the function's own time-out (10 s in
/// `template.yaml`), at which Lambda kills the process and the client gets no answer of ours.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// The one method and path that a function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path as API Gateway writes it, parameters in braces.
    pub path: &'static str,
}

/// A function's handler: borrows its state for as long as one request takes.
pub type Handler<S> = for<'a> fn(&'a S, Request) -> BoxFuture<'a, Result<Response, Fault>>;

/// Answers a request by `handler`: whatever happens, there is an answer in the documented form.
pub async fn answer<S: Sync>(state: &S, route: Route, mut request: Request, handler: Handler<S>) -> Response {
    let quotas = Quotas::default();
    request.extensions_mut().insert(quotas.clone());
    let request_id = request_id(&request);
    let result = match admit(route, &request) {
        Ok(()) => run(handler(state, request)).await,
        Err(fault) => Err(fault),
    };
    count(route, &result);
    let mut response = match result {
        Ok(response) => {
            tracing::info!(
                route = route.path,
                status = response.status().as_u16(),
                request_id,
                "answered"
            );
            response
        }
        Err(fault) => {
            let code = fault.code();
            let (status, code) = (code.status(), code.as_str());
            if status >= 500 {
                tracing::error!(route = route.path, status, code, request_id, error = %fault.report(), "failed");
            } else {
                tracing::info!(route = route.path, status, code, request_id, cause = %fault.report(), "refused");
            }
            problem::response(&fault, route, &request_id)
        }
    };
    let headers = response.headers_mut();
    quota::tell(&quotas, headers);
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=63072000; includeSubDomains",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(header::HeaderValue::from_static(value));
    }
    response
}

/// Counts a request under the code it was answered with.
fn count(route: Route, result: &Result<Response, Fault>) {
    let outcome = match result {
        Ok(_) => "succeeded",
        Err(fault) => fault.code().as_str(),
    };
    if let Some((_, function)) = COUNTED.iter().find(|(path, _)| *path == route.path) {
        metrics::count(
            &[("Function", function), ("Outcome", outcome)],
            &[("Requests", 1)],
        );
    }
}

/// Runs a handler to its end, or until its time is up. Dropping it then is what a lost answer is to a write under way:
/// it is applied or not, and whoever repeats the request finds out which.
async fn run(handler: BoxFuture<'_, Result<Response, Fault>>) -> Result<Response, Fault> {
    match tokio::time::timeout(REQUEST_TIMEOUT, AssertUnwindSafe(handler).catch_unwind()).await {
        Ok(outcome) => outcome.unwrap_or(Err(Fault::Panic)),
        Err(_) => Err(Fault::Overdue),
    }
}

fn admit(route: Route, request: &Request) -> Result<(), Fault> {
    if !same_path(route.path, path_without_stage(request)) {
        return Err(Fault::NotFound);
    }
    if request.method() != route.method {
        return Err(Fault::MethodNotAllowed);
    }
    if request.body().len() > MAX_BODY_BYTES {
        return Err(Fault::PayloadTooLarge);
    }
    Ok(())
}

/// API Gateway's id of the request, or Lambda's where there is none.
pub(super) fn request_id(request: &Request) -> String {
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

/// The last segment of the path, decoded: the path parameter of the routes that have one.
pub(super) fn last_segment(request: &Request) -> String {
    let segment = request.raw_http_path().rsplit('/').next().unwrap_or_default();
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
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
