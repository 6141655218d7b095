//! `GET /.well-known/jwks.json` and `GET /.well-known/oauth-authorization-server`: what others need to verify tokens.

use lambda_http::http::{HeaderValue, header};
use serde_json::{Value, json};
use shared::{
    State,
    config::Config,
    http::{self, Fault, Request, Response, Route},
};

/// What this function answers: each of its documents is a route of its own in API Gateway.
pub const ROUTE: Route = Route {
    method: "GET",
    path: "/.well-known/{document}",
};

/// Answers the JWK Set (RFC 7517 §5) of the keys that may verify access tokens now, or the metadata.
///
/// # Errors
///
/// 404 for any other document; 503 when the key set cannot be read.
pub async fn handle(state: &State, request: Request) -> Result<Response, Fault> {
    let document = match http::path_parameter(&request).as_str() {
        "jwks.json" => state.keys.set().await?.jwk_set(state.clock.now()),
        "oauth-authorization-server" => metadata(&state.config),
        _ => return Err(Fault::NotFound),
    };
    let mut response = http::json(&document);
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    Ok(response)
}

/// Authorization server metadata (RFC 8414 §2). There is no authorization endpoint, hence no response types; the
/// password login is an endpoint of its own and not RFC 6749's grant. Members that are not registered say what this
/// service has besides.
fn metadata(config: &Config) -> Value {
    let issuer = &config.issuer;
    let url = |path: &str| format!("{issuer}{path}");
    json!({
        "issuer": issuer,
        "jwks_uri": url("/.well-known/jwks.json"),
        "token_endpoint": url("/api/v1/auth/refresh"),
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["refresh_token"],
        "response_types_supported": [],
        "login_endpoint": url("/api/v1/auth/login"),
        "logout_endpoint": url("/api/v1/auth/logout"),
        "access_token_signing_alg_values_supported": ["ES256"],
    })
}
