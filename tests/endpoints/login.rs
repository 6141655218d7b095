//! `POST /api/v1/auth/login`.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use registry::login;
use serde_json::json;
use tests::{EMAIL, Event, PASSWORD, TestService, claims};

#[tokio::test]
async fn login_answers_tokens_and_the_user() {
    let service = TestService::new().await;
    let answer = service.send(&login::OPERATION, Event::file("login/json")).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.ok();
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["expires_in"], 900);
    assert_eq!(body["refresh_token_expires_in"], 604_800);
    assert_eq!(body["user"]["email"], EMAIL);
    assert_eq!(body["user"]["is_active"], true);
    assert_eq!(body["user"]["created_at"], "2096-10-02T07:06:39Z");

    let now = 4_000_000_000_i64;
    let access = claims(body["access_token"].as_str().unwrap());
    assert_eq!(access["iss"], "https://auth.example.com");
    assert_eq!(access["aud"], "https://api.example.com");
    assert_eq!(access["sub"], body["user"]["id"]);
    assert_eq!(access["sid"], body["session_id"]);
    assert_eq!(
        (&access["iat"], &access["exp"], &access["auth_time"]),
        (&json!(now), &json!(now + 900), &json!(now))
    );
    assert_eq!(access["client_id"], "mobile");
    let refresh = claims(body["refresh_token"].as_str().unwrap());
    assert_eq!(refresh["aud"], "https://auth.example.com");
    assert_eq!(refresh["exp"], now + 7_776_000);
    assert_eq!(refresh["sid"], body["session_id"]);

    let item = service.session_item(body["session_id"].as_str().unwrap()).await;
    assert_eq!(item["refresh_jti"], refresh["jti"]);
    assert_eq!(item["ip_address"], "203.0.113.7");
    assert_eq!(item["device_name"], "Demo's iPhone");
    assert_eq!(item["device_id"], "3f1c9a52-demo-phone");
    assert_eq!(item["expires_at"], now + 604_800);
    assert_eq!(item["absolute_expires_at"], now + 7_776_000);
    assert_eq!(service.events().await, ["account_created", "login_succeeded"]);
}

#[tokio::test]
async fn a_form_and_a_base64_body_do_as_well() {
    let service = TestService::new().await;
    for event in ["login/form", "login/base64"] {
        service.send(&login::OPERATION, Event::file(event)).await.ok();
    }
}

#[tokio::test]
async fn device_data_of_the_body_wins_over_headers_and_those_over_the_user_agent() {
    let service = TestService::new().await;
    let name = async |event: Event| {
        let body = service.send(&login::OPERATION, event).await.ok();
        service.session_item(body["session_id"].as_str().unwrap()).await["device_name"].clone()
    };
    assert_eq!(name(Event::file("login/device-headers")).await, "Header Phone");
    let both = json!({"email": EMAIL, "password": PASSWORD, "device_name": " Body Phone "});
    assert_eq!(
        name(Event::file("login/device-headers").json(&both)).await,
        "Body Phone"
    );
    assert_eq!(name(Event::file("login/form")).await, "Apple iPhone");
    assert_eq!(
        name(Event::file("login/form").without_header("user-agent")).await,
        "Unknown Device"
    );
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_get_the_same_answer() {
    let service = TestService::new().await;
    let attempt = async |email: &str| {
        let body = json!({"email": email, "password": "wrong password"});
        service
            .send(&login::OPERATION, Event::file("login/json").json(&body))
            .await
    };
    let before = service.items().await.len();
    let wrong = attempt(EMAIL).await;
    wrong.refused(401, "invalid_credentials");
    let written_for_known = service.items().await.len() - before;
    let unknown = attempt("nobody@example.com").await;
    assert_eq!(unknown.body, wrong.body);
    assert_eq!(unknown.headers, wrong.headers);
    assert_eq!(service.items().await.len() - before, 2 * written_for_known);
    let items = service.items().await;
    let unknown = items
        .iter()
        .find(|item| item["pk"].as_str().unwrap().starts_with("UNKNOWN#") && item["type"] == "login_failed")
        .unwrap();
    assert_eq!(unknown["expires_at"], 4_000_000_000_i64 + 30 * 86_400);
    assert!(!unknown.to_string().contains("nobody"), "{unknown}");
}

#[tokio::test]
async fn an_inactive_account_is_named_only_after_the_right_password() {
    let service = TestService::new().await;
    let items = service.items().await;
    let credential = items.iter().find(|item| item["sk"] == "CREDENTIAL").unwrap();
    service
        .tamper(credential, "is_active", AttributeValue::Bool(false))
        .await;
    service
        .send(&login::OPERATION, Event::file("login/json"))
        .await
        .refused(401, "account_inactive");
    let wrong = json!({"email": EMAIL, "password": "wrong password"});
    service
        .send(&login::OPERATION, Event::file("login/json").json(&wrong))
        .await
        .refused(401, "invalid_credentials");
    assert!(!service.events().await.contains(&"login_succeeded".to_owned()));
}

#[tokio::test]
async fn the_same_device_supersedes_its_session() {
    let service = TestService::new().await;
    let (first, other) = (service.log_in("phone").await, service.log_in("tablet").await);
    service.clock.advance(1);
    let second = service.log_in("phone").await;
    assert_eq!(
        service.session_item(&first.session).await["revoked_reason"],
        "superseded"
    );
    service.list(&first.access).await.refused(401, "session_revoked");
    assert_eq!(service.list(&second.access).await.ok()["total"], 2);
    service.list(&other.access).await.ok();
    assert!(service.events().await.contains(&"session_superseded".to_owned()));
}

#[tokio::test]
async fn a_login_above_the_limit_ends_the_least_recently_used_session() {
    let service = TestService::with(&[("MAX_SESSIONS_PER_USER", "3")]).await;
    let mut logins = Vec::new();
    for device in ["a", "b", "c"] {
        logins.push(service.log_in(device).await);
        service.clock.advance(10);
    }
    service.refresh(&logins[0].refresh).await.ok();
    service.clock.advance(10);
    let last = service.log_in("d").await;
    assert_eq!(service.list(&last.access).await.ok()["total"], 3);
    assert_eq!(
        service.session_item(&logins[1].session).await["revoked_reason"],
        "session_limit"
    );
    service.list(&logins[0].access).await.ok();
    assert!(service.events().await.contains(&"session_evicted".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_holds_under_concurrent_logins() {
    let service = TestService::with(&[("MAX_SESSIONS_PER_USER", "3")]).await;
    let devices: Vec<_> = (0..12).map(|number| format!("device-{number}")).collect();
    let logins = join_all(devices.iter().map(|device| service.log_in(device))).await;
    assert_eq!(logins.len(), 12);
    let items = service.items().await;
    let active = items
        .iter()
        .filter(|item| !item["refresh_jti"].is_null() && item["revoked_at"].is_null())
        .count();
    assert_eq!(active, 3);
    let events = service.events().await;
    assert_eq!(
        events.iter().filter(|name| *name == "login_succeeded").count(),
        12
    );
    assert_eq!(events.iter().filter(|name| *name == "session_evicted").count(), 9);
}

#[tokio::test]
async fn an_address_is_the_same_in_any_case_and_with_spaces() {
    let service = TestService::new().await;
    let body = json!({"email": "  Demo@EXAMPLE.com ", "password": PASSWORD});
    let answer = service
        .send(&login::OPERATION, Event::file("login/json").json(&body))
        .await
        .ok();
    assert_eq!(answer["user"]["email"], EMAIL);
}

#[tokio::test]
async fn fields_that_do_not_fit_are_named() {
    let service = TestService::new().await;
    let cases = [
        (json!({"password": PASSWORD}), "email"),
        (json!({"email": "nobody", "password": PASSWORD}), "email"),
        (json!({"email": 5, "password": PASSWORD}), "email"),
        (
            json!({"email": format!("{}@example.com", "a".repeat(250)), "password": PASSWORD}),
            "email",
        ),
        (json!({"email": EMAIL}), "password"),
        (json!({"email": EMAIL, "password": ""}), "password"),
        (json!({"email": EMAIL, "password": "p".repeat(257)}), "password"),
        (
            json!({"email": EMAIL, "password": PASSWORD, "device_id": "n".repeat(300)}),
            "device_id",
        ),
        (
            json!({"email": EMAIL, "password": PASSWORD, "device_id": "a\u{7}b"}),
            "device_id",
        ),
        (
            json!({"email": EMAIL, "password": PASSWORD, "device_id": ["x"]}),
            "device_id",
        ),
        (
            json!({"email": EMAIL, "password": PASSWORD, "device_name": ["x"]}),
            "device_name",
        ),
    ];
    for (body, field) in cases {
        service
            .send(&login::OPERATION, Event::file("login/json").json(&body))
            .await
            .refused_field(field);
    }
    let long = Event::file("login/form").header("x-device-id", &"n".repeat(300));
    service
        .send(&login::OPERATION, long)
        .await
        .refused_field("X-Device-Id");
    assert_eq!(service.events().await, ["account_created"]);
}

#[tokio::test]
async fn the_place_is_that_of_the_trusted_proxy() {
    let secret = "a secret of some length";
    let service = TestService::with(&[("TRUSTED_PROXY", "cloudfront"), ("CLOUDFRONT_SECRET", secret)]).await;
    let place = async |given: &str| {
        let event = Event::file("login/form")
            .header("cloudfront-viewer-address", "198.51.100.9:4711")
            .header("cloudfront-viewer-city", "Bern")
            .header("cloudfront-viewer-country", "CH")
            .header("x-forwarded-for", "192.0.2.1")
            .header("x-origin-verify", given);
        let body = service.send(&login::OPERATION, event).await.ok();
        let item = service.session_item(body["session_id"].as_str().unwrap()).await;
        [
            item["ip_address"].clone(),
            item["location_city"].clone(),
            item["location_country"].clone(),
        ]
    };
    assert_eq!(
        place(secret).await,
        [json!("198.51.100.9"), json!("Bern"), json!("CH")]
    );
}

#[tokio::test]
async fn a_login_removes_records_that_expired_a_while_ago() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "600")]).await;
    let old = service.log_in("phone").await;
    service.clock.advance(600 + 301);
    let new = service.log_in("tablet").await;
    let is_of = |item: &serde_json::Value, session: &str| item["sk"] == format!("SESSION#{session}");
    let items = service.items().await;
    assert!(!items.iter().any(|item| is_of(item, &old.session)));
    assert!(items.iter().any(|item| is_of(item, &new.session)));
}
