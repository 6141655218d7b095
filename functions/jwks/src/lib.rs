//! `GET /.well-known/jwks.json`, `GET /.well-known/oauth-authorization-server` and, the same under another name,
//! `GET /.well-known/openid-configuration`: what others need to verify tokens.

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

/// The metadata again, where libraries look for it that know `OpenID` Connect only.
pub const OPENID_CONFIGURATION: Operation = Operation {
    route: Route {
        method: "GET",
        path: "/.well-known/openid-configuration",
        access: Access::Public { limits: &[] },
        is_counted: false,
        errors: ErrorFormat::Problem,
    },
    id: "openidConfiguration",
    summary: "The same metadata, where OpenID Connect's libraries look",
    description: "An alias of `metadata`, for libraries that know no RFC 8414. This is no OpenID provider: it issues no ID \
                  tokens, and names no member of OpenID Connect.",
    reads_body: false,
    writes: false,
    refusals: &[],
    samples: &[Sample {
        event: "openid-configuration",
        token: SampleToken::None,
    }],
};

/// How it is deployed and invoked.
pub const FUNCTION: Function = Function {
    name: env!("CARGO_PKG_NAME"),
    trigger: Trigger::Api(&[PUBLIC_KEYS, METADATA, OPENID_CONFIGURATION]),
    settings: &[Settings::ClientAddress, Settings::Introspection],
    connections: 1,
};

/// Returns the JWK Set (RFC 7517 §5) of the keys that now verify access tokens, or the metadata.
///
/// # Errors
///
/// 503 if the key set cannot be read.
pub async fn handle(state: &State, request: Request) -> Result<Response, ApiError> {
    let mut response = if http::is_for(&request, &PUBLIC_KEYS) {
        http::json(&JwkSet::new(&*state.keys.set().await?, state.clock.now()))
    } else {
        http::json(&metadata(&state.config))
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
    let has_introspection = config.introspection.is_some();
    let url = |path: &str| format!("{issuer}{path}");
    AuthorizationServer {
        issuer: issuer.clone(),
        jwks_uri: url("/.well-known/jwks.json"),
        token_endpoint: url("/oauth2/token"),
        token_endpoint_auth_methods_supported: ["none"],
        revocation_endpoint: url("/oauth2/revoke"),
        revocation_endpoint_auth_methods_supported: ["none"],
        introspection_endpoint: has_introspection.then(|| url("/oauth2/introspect")),
        introspection_endpoint_auth_methods_supported: has_introspection.then_some(["client_secret_basic"]),
        grant_types_supported: ["refresh_token"],
        response_types_supported: [],
        login_endpoint: url("/api/v1/auth/login"),
        logout_endpoint: url("/api/v1/auth/logout"),
        access_token_signing_alg_values_supported: ["ES256"],
    }
}
