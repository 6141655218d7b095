//! What every request passes through: time, panic and error handling, common headers, one log line, one metric.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use lambda_http::http::header;

use super::metrics;
use crate::{
    domain::rate::Quotas,
    http::{Fault, Request, Response, Route, admit, problem_response, request_id, write_rate_limit_headers},
};

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
            problem_response(&fault, route, &request_id)
        }
    };
    let headers = response.headers_mut();
    write_rate_limit_headers(&quotas, headers);
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
