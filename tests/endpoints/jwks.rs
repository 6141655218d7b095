//! `GET /.well-known/jwks.json` and the metadata.

use registry::jwks;
use serde_json::json;
use tests::{Event, TestService};

#[tokio::test]
async fn the_public_keys_are_a_jwk_set_that_may_be_cached() {
    let service = TestService::new().await;
    let answer = service.send(&jwks::PUBLIC_KEYS, Event::file("jwks/jwks")).await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    let body = answer.ok();
    let keys = body["keys"].as_array().unwrap();
    let kids: Vec<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(
        kids,
        [
            &service.keys.current.public().kid,
            &service.keys.next.public().kid
        ]
    );
    for key in keys {
        assert_eq!(
            (key["kty"].as_str(), key["crv"].as_str(), key["alg"].as_str()),
            (Some("EC"), Some("P-256"), Some("ES256"))
        );
        assert!(key["d"].is_null());
    }
}

#[tokio::test]
async fn the_metadata_says_where_everything_is() {
    let service = TestService::new().await;
    let expected = json!({
        "issuer": "https://auth.example.com",
        "jwks_uri": "https://auth.example.com/.well-known/jwks.json",
        "token_endpoint": "https://auth.example.com/oauth2/token",
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint": "https://auth.example.com/oauth2/revoke",
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint": "https://auth.example.com/oauth2/introspect",
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "grant_types_supported": ["refresh_token"],
        "response_types_supported": [],
        "login_endpoint": "https://auth.example.com/api/v1/auth/login",
        "logout_endpoint": "https://auth.example.com/api/v1/auth/logout",
        "access_token_signing_alg_values_supported": ["ES256"],
    });
    for (operation, file) in [
        (&jwks::METADATA, "jwks/metadata"),
        (&jwks::OPENID_CONFIGURATION, "jwks/openid-configuration"),
    ] {
        let answer = service.send(operation, Event::file(file)).await;
        assert_eq!(answer.headers["cache-control"], "public, max-age=300");
        assert_eq!(answer.ok(), expected);
    }
}

#[tokio::test]
async fn the_metadata_names_no_introspection_where_there_is_none() {
    let service = TestService::with(&[("INTROSPECTION_SECRETS", "")]).await;
    let metadata = service
        .send(&jwks::METADATA, Event::file("jwks/metadata"))
        .await
        .ok();
    assert!(metadata["revocation_endpoint"].is_string());
    for member in [
        "introspection_endpoint",
        "introspection_endpoint_auth_methods_supported",
    ] {
        assert!(metadata.get(member).is_none(), "{metadata}");
    }
}

#[tokio::test]
async fn there_are_no_other_documents() {
    let service = TestService::new().await;
    for path in [
        "/.well-known/oauth-authorization-server/x",
        "/.well-known/jwks.json/x",
        "/.well-known/",
    ] {
        let event = Event::file("jwks/jwks").path(path);
        service
            .send(&jwks::PUBLIC_KEYS, event)
            .await
            .refused(404, "not_found");
    }
}
