//! `GET /.well-known/jwks.json`: the public keys, as a JWK Set (RFC 7517 §5).

use lambda_http::http::{HeaderValue, header};
use shared::{
    State,
    http::{self, Fault, Request, Response, Route},
};

/// What this function answers.
pub const ROUTE: Route = Route {
    method: "GET",
    path: "/.well-known/jwks.json",
};

/// Answers the keys that may verify access tokens now.
///
/// # Errors
///
/// 503 when the key set cannot be read.
pub async fn handle(state: &State, _: Request) -> Result<Response, Fault> {
    let keys = state.keys.set().await?;
    let mut response = http::json(&keys.jwk_set(state.clock.now()));
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    Ok(response)
}
