//! What every request goes through: timeout, panic and error handling, common headers, a log line, a metric.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use lambda_http::http::{Method, header};
use tokio::time::Instant;

use super::{
    config::Config,
    function::Function,
    logging::{LogFormat, PROBE_AGENT},
    metrics,
};
use crate::{
    domain::rate::Quotas,
    http::{
        ApiError, ErrorFormat, Request, Response, check_proxy, closest_operation, error_response,
        find_operation, note_operation, request_id, write_rate_limit_headers,
    },
};

/// A function's handler: borrows its state for the length of a request.
pub type Handler<S> = for<'a> fn(&'a S, Request) -> BoxFuture<'a, Result<Response, ApiError>>;

/// Runs `handler`, unless the request bypassed the trusted proxy. Panics, timeouts and errors all become documented responses.
pub async fn respond<S: Sync>(
    function: &'static Function,
    config: &Config,
    state: &S,
    mut request: Request,
    handler: Handler<S>,
) -> Response {
    let start = Instant::now();
    let quotas = Quotas::default();
    request.extensions_mut().insert(quotas.clone());
    let request_id = request_id(&request);
    let method = standard_method(&request);
    let is_quiet = config.log_format != LogFormat::Json && is_probe(&request);
    let operations = function.operations();
    let found = find_operation(operations, &request);
    let route = closest_operation(operations, &request).map(|operation| operation.route);
    let format = route.map_or(ErrorFormat::Problem, |route| route.errors);
    if let Ok(operation) = found {
        note_operation(&mut request, operation);
    }
    let result = match check_proxy(&request, &config.trusted_proxy).and(found) {
        Ok(_) => run(handler(state, request), config.timeouts.request).await,
        Err(error) => Err(error),
    };
    let path = route.map_or("", |route| route.path);
    if route.is_some_and(|route| route.is_counted) {
        count(function.name, &result);
    }
    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut response = match result {
        Ok(response) => {
            let status = response.status().as_u16();
            if !is_quiet {
                tracing::info!(method, route = path, status, ms, request_id, "answered");
            }
            response
        }
        Err(error) => {
            let code = error.code().as_str();
            let response = error_response(&error, format, &request_id);
            let status = response.status().as_u16();
            if status >= 500 {
                let error = error.report();
                tracing::error!(method, route = path, status, code, ms, request_id, %error, "failed");
            } else if !is_quiet {
                let cause = error.report();
                tracing::info!(method, route = path, status, code, ms, request_id, %cause, "refused");
            }
            response
        }
    };
    let headers = response.headers_mut();
    write_rate_limit_headers(&quotas, headers);
    if format == ErrorFormat::OAuth {
        // RFC 6749 §5.1 and §5.2.
        headers.insert(header::PRAGMA, header::HeaderValue::from_static("no-cache"));
    }
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

/// The request's method, if it is one that clients use: whatever else they send is not logged.
fn standard_method(request: &Request) -> &'static str {
    match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn is_probe(request: &Request) -> bool {
    let agent = request.headers().get(header::USER_AGENT);
    agent.is_some_and(|agent| agent == PROBE_AGENT)
}

/// Counts a request under the code of its answer.
fn count(function: &'static str, result: &Result<Response, ApiError>) {
    let outcome = match result {
        Ok(_) => "succeeded",
        Err(error) => error.code().as_str(),
    };
    metrics::count(
        &[("Function", function), ("Outcome", outcome)],
        &[("Requests", 1)],
    );
}

/// Runs a handler until it ends or times out. To a write in progress, being dropped then is like a lost answer: it is
/// applied or not, and whoever retries the request finds out which.
async fn run(
    handler: BoxFuture<'_, Result<Response, ApiError>>,
    limit: Duration,
) -> Result<Response, ApiError> {
    match tokio::time::timeout(limit, AssertUnwindSafe(handler).catch_unwind()).await {
        Ok(outcome) => outcome.unwrap_or(Err(ApiError::Panicked)),
        Err(_) => Err(ApiError::TimedOut),
    }
}
