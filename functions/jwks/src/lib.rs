//! `GET /.well-known/jwks.json` and `GET /.well-known/oauth-authorization-server`: what others need to verify tokens.

use lambda_http::http::{HeaderValue, header};
use shared::{
    State,
    http::{
        self, Access, ApiError, ErrorFormat, Operation, Request, Response, Route, Sample, SampleToken,
        model::{AuthorizationServer, JwkSet},
    },
    runtime::config::Config,
    runtime::{Function, Settings, Trigger},
};

/// The JWK Set endpoint.
pub const PUBLIC_KEYS: Operation = Operation {
    route: Route {
        method: "GET",
        path: "/.well-known/jwks.json",
        access: Access::Public { limits: &[] },
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "publicKeys",
    summary: "The public keys of access tokens",
    description: "A JWK Set (RFC 7517 §5) of the keys that may verify access tokens now, for the app's other APIs. Cache \
                  it as its headers say, and read it again for an unknown `kid`.",
    reads_body: false,
    writes: false,
    refusals: &[],
    samples: &[Sample {
        event: "jwks",
        token: SampleToken::None,
    }],
};

/// The metadata endpoint.
pub const METADATA: Operation = Operation {
    route: Route {
        method: "GET",
        path: "/.well-known/oauth-authorization-server",
        access: Access::Public { limits: &[] },
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "metadata",
    summary: "Where everything is",
    description: "Authorization server metadata (RFC 8414), for libraries that find the public keys by the issuer.",
    reads_body: false,
    writes: false,
    refusals: &[],
    samples: &[Sample {
        event: "metadata",
        token: SampleToken::None,
    }],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[PUBLIC_KEYS, METADATA]),
    settings: &[Settings::ClientAddress],
    connections: 1,
};

/// Returns the JWK Set (RFC 7517 §5) of the keys that now verify access tokens, or the metadata.
///
/// # Errors
///
/// 404 for any other document; 503 if the key set cannot be read.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    let mut response = match http::path_parameter(&request).as_str() {
        "jwks.json" => http::json(&JwkSet::new(&*state.keys.set().await?, state.clock.now())),
        "oauth-authorization-server" => http::json(&metadata(&state.config)),
        _ => return Err(ApiError::NotFound),
    };
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    Ok(response)
}

/// Authorization server metadata (RFC 8414 §2). There is no authorization endpoint, hence no response types. Password
/// login is an endpoint of its own, not RFC 6749's grant. Unregistered members name what else this service has.
#[must_use]
pub fn metadata(config: &Config) -> AuthorizationServer {
    let issuer = &config.tokens.issuer;
    let url = |path: &str| format!("{issuer}{path}");
    AuthorizationServer {
        issuer: issuer.clone(),
        jwks_uri: url("/.well-known/jwks.json"),
        token_endpoint: url("/api/v1/auth/refresh"),
        token_endpoint_auth_methods_supported: ["none"],
        grant_types_supported: ["refresh_token"],
        response_types_supported: [],
        login_endpoint: url("/api/v1/auth/login"),
        logout_endpoint: url("/api/v1/auth/logout"),
        access_token_signing_alg_values_supported: ["ES256"],
    }
}
