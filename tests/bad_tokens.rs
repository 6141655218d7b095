//! Tokens that are not what they should be, at every endpoint that takes one.

use serde_json::{Value, json};
use shared::keys::KeyPair;
use tests::{
    Event,
    Function::{self, Activity, Cleanup, List, Logout, LogoutAll, Refresh, Revoke},
    Tokens, World, claims, forge, forge_unsigned, hmac_with_public_key,
};

const PROTECTED: [(Function, &str); 6] = [
    (List, "list/list"),
    (Activity, "activity/first-page"),
    (Revoke, "revoke/revoke"),
    (Cleanup, "cleanup/cleanup"),
    (LogoutAll, "logout-all/all"),
    (Logout, "logout/access-token"),
];

fn altered(token: &str, member: &str, value: Value) -> Value {
    let mut claims = claims(token);
    claims[member] = value;
    claims
}

/// Access tokens that must be refused as invalid.
fn invalid(world: &World, login: &Tokens) -> Vec<(&'static str, String)> {
    let (key, kid) = (&world.keys.current, world.keys.current.public().kid.as_str());
    let good = claims(&login.access);
    let access = |claims: &Value| forge(key, kid, "at+jwt", claims);
    let none = |alg: &str| forge_unsigned(&json!({"alg": alg, "typ": "at+jwt", "kid": kid}), &good);
    let cut = &login.access[..login.access.len() - 4];
    vec![
        ("a refresh token", login.refresh.clone()),
        (
            "another key under our kid",
            forge(&KeyPair::generate().unwrap(), kid, "at+jwt", &good),
        ),
        ("an unknown kid", forge(key, "unknown", "at+jwt", &good)),
        ("no type", forge(key, kid, "JWT", &good)),
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("HS256 with the public key", hmac_with_public_key(key, &good)),
        (
            "another issuer",
            access(&altered(&login.access, "iss", json!("https://evil.example"))),
        ),
        (
            "another audience",
            access(&altered(&login.access, "aud", json!("https://evil.example"))),
        ),
        (
            "exp as text",
            access(&altered(&login.access, "exp", json!("9999999999"))),
        ),
        (
            "exp as a fraction",
            access(&altered(&login.access, "exp", json!(9_999_999_999.5))),
        ),
        ("no subject", access(&altered(&login.access, "sub", Value::Null))),
        (
            "a subject that is no UUID",
            access(&altered(&login.access, "sub", json!("admin"))),
        ),
        (
            "not valid yet",
            access(&altered(&login.access, "nbf", json!(4_000_000_006_i64))),
        ),
        ("a cut signature", cut.to_owned()),
        ("a fourth part", format!("{}.x", login.access)),
        ("no token at all", "token".to_owned()),
        ("too long", format!("{}{}", login.access, "A".repeat(5000))),
    ]
}

#[tokio::test]
async fn no_endpoint_takes_a_bad_access_token() {
    let world = World::new().await;
    let login = world.log_in("phone").await;
    let before = world.items().await;
    for (function, file) in PROTECTED {
        let bare = Event::file(file).without_header("authorization");
        let answer = world.send(function, bare.clone()).await;
        answer.refused(401, "missing_token");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"holdfast\"");
        for value in ["Basic ZGVtbzpkZW1v", "Bearer", "Bearer "] {
            world
                .send(function, bare.clone().header("authorization", value))
                .await
                .refused(401, "missing_token");
        }
        for (what, token) in invalid(&world, &login) {
            let answer = world.send(function, Event::file(file).bearer(&token)).await;
            assert_eq!(answer.body["code"], "invalid_token", "{function:?}: {what}");
            answer.refused(401, "invalid_token");
            let challenge = answer.headers["www-authenticate"].as_str().unwrap();
            assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        }
        let expired = altered(&login.access, "exp", json!(3_999_999_999_i64));
        let key = &world.keys.current;
        let expired = forge(key, &key.public().kid, "at+jwt", &expired);
        world
            .send(function, Event::file(file).bearer(&expired))
            .await
            .refused(401, "token_expired");
    }
    assert_eq!(world.items().await.len(), before.len());
    world.list(&login.access).await.ok();
}

#[tokio::test]
async fn an_access_token_ends_on_its_second() {
    let world = World::new().await;
    let login = world.log_in("phone").await;
    world.clock.advance(899);
    world.list(&login.access).await.ok();
    world.clock.advance(1);
    world.list(&login.access).await.refused(401, "token_expired");
}

#[tokio::test]
async fn refresh_takes_refresh_tokens_only() {
    let world = World::new().await;
    let login = world.log_in("phone").await;
    let (key, kid) = (&world.keys.current, world.keys.current.public().kid.as_str());
    let good = claims(&login.refresh);
    for token in [
        login.access.clone(),
        forge(&KeyPair::generate().unwrap(), kid, "rt+jwt", &good),
        forge(key, kid, "at+jwt", &good),
        forge_unsigned(&json!({"alg": "none", "typ": "rt+jwt", "kid": kid}), &good),
        forge(
            key,
            kid,
            "rt+jwt",
            &altered(&login.refresh, "aud", json!("https://api.example.com")),
        ),
        forge(
            key,
            kid,
            "rt+jwt",
            &altered(&login.refresh, "jti", json!("short")),
        ),
        "garbage".to_owned(),
    ] {
        let answer = world
            .send(
                Refresh,
                Event::file("refresh/json").json(&json!({"refresh_token": token})),
            )
            .await;
        answer.refused(401, "invalid_token");
        assert_eq!(answer.body["error"], "invalid_grant");
    }
    assert_eq!(world.session_item(&login.session).await["rotation_count"], 0);
    world.refresh(&login.refresh).await.ok();
}

#[tokio::test]
async fn the_schemes_case_does_not_matter() {
    let world = World::new().await;
    let login = world.log_in("phone").await;
    let event = Event::file("list/list").header("authorization", &format!("bEARER  {}", login.access));
    world.send(List, event).await.ok();
}
