//! `POST /oauth2/introspect`.

use base64::{Engine, engine::general_purpose::STANDARD};
use registry::introspection::{self, IntrospectionState};
use serde_json::json;
use shared::runtime::respond;
use tests::{Access, Answer, Event, INTROSPECTION_SECRET, KeysSecret, TestService, claims, recorded};

const OLD: &str = "an-old-secret-of-thirty-two-chars-or-more";
const NEW: &str = "a+new%20secret:with-all-that-is-visible!";

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

async fn introspect_as(service: &TestService, token: &str, authorization: &str) -> Answer {
    let event = Event::file("introspection/introspect").form(&[("token", token)]);
    let event = event.header("authorization", authorization);
    service.send(&introspection::OPERATION, event).await
}

async fn introspect(service: &TestService, token: &str) -> Answer {
    introspect_as(service, token, &basic("orders-api", INTROSPECTION_SECRET)).await
}

#[tokio::test]
async fn an_active_token_is_told_with_its_claims() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let answer = introspect(&service, &login.access).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let mut expected = claims(&login.access);
    expected["active"] = true.into();
    expected["token_type"] = "bearer".into();
    assert_eq!(answer.ok(), expected);
}

#[tokio::test]
async fn it_costs_one_consistent_read() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.state.keys.warm(1).await;
    service.calls.take();
    introspect(&service, &login.access).await.ok();
    let calls = service.calls.take();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].operation, "GetItem");
    let Access { leading_key, .. } = &calls[0].accesses[0];
    assert_eq!(
        leading_key.as_deref(),
        Some(format!("USER#{}", service.account.id).as_str())
    );
}

#[tokio::test]
async fn nothing_else_is_active() {
    let service = TestService::new().await;
    let inactive = async |token: &str| {
        assert_eq!(
            introspect(&service, token).await.ok(),
            json!({ "active": false }),
            "{token}"
        );
    };
    let login = service.log_in("phone").await;
    inactive(&login.refresh).await;
    inactive("nonsense").await;
    let refreshed = service.refresh(&login.refresh).await.ok();
    introspect(&service, refreshed["access_token"].as_str().unwrap())
        .await
        .ok();
    let other = service.log_in("tablet").await;
    service.revoke(&other.access, &login.session).await.ok();
    inactive(&login.access).await;
    service.clock.advance(900);
    inactive(&other.access).await;
}

#[tokio::test]
async fn two_secrets_are_good_while_one_is_rotated() {
    let both = format!("{OLD},{NEW}");
    let service = TestService::with(&[("INTROSPECTION_SECRETS", &both)]).await;
    let login = service.log_in("phone").await;
    let form_encoded = "a%2Bnew%2520secret%3Awith-all-that-is-visible%21";
    for password in [OLD, NEW, form_encoded] {
        for user in ["orders-api", "", "Müller"] {
            let answer = introspect_as(&service, &login.access, &basic(user, password)).await;
            assert_eq!(answer.ok()["active"], true, "{password}");
        }
    }
}

/// As an instance of the function that reads them from Secrets Manager.
#[tokio::test]
async fn secrets_are_rotated_without_a_restart() {
    let secret = KeysSecret::holding("IntrospectionSecret", OLD).await;
    let from_secret = [
        ("INTROSPECTION_SECRETS", ""),
        ("INTROSPECTION_SECRET_ID", &secret.arn),
    ];
    let service = TestService::with(&from_secret).await;
    let login = service.log_in("phone").await;
    let function = IntrospectionState::start(service.state.clone(), secret.client()).await;
    let ask = async |password: &str| {
        let event = Event::file("introspection/introspect").form(&[("token", &login.access)]);
        let event = event.header("authorization", &basic("orders-api", password));
        let response = respond(
            &introspection::FUNCTION,
            &service.state.config,
            &function,
            event.request(),
            |state, request| Box::pin(introspection::handle(state, request)),
        );
        Answer::of(&recorded::by("introspection", response).await)
    };
    assert_eq!(ask(OLD).await.ok()["active"], true);
    ask(NEW).await.refused_oauth(401, "invalid_client");

    secret.put(&format!("{NEW},{OLD}")).await;
    ask(NEW).await.refused_oauth(401, "invalid_client");
    service.clock.advance(10);
    for password in [NEW, OLD] {
        assert_eq!(ask(password).await.ok()["active"], true);
    }

    secret.put(NEW).await;
    service.clock.advance(59);
    assert_eq!(ask(OLD).await.ok()["active"], true);
    service.clock.advance(1);
    ask(OLD).await.refused_oauth(401, "invalid_client");
    assert_eq!(ask(NEW).await.ok()["active"], true);

    secret.put("too short").await;
    service.clock.advance(60);
    ask(NEW).await.refused_oauth(503, "temporarily_unavailable");
}

#[tokio::test]
async fn without_a_secret_nobody_is_told_anything() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.calls.take();
    for authorization in [
        basic("orders-api", "a-secret-that-nobody-ever-gave-out-here"),
        basic("orders-api", ""),
        basic(INTROSPECTION_SECRET, ""),
        format!("Bearer {INTROSPECTION_SECRET}"),
        format!("Basic {INTROSPECTION_SECRET}"),
        format!("Bearer {}", login.access),
        "Basic".to_owned(),
        String::new(),
    ] {
        let answer = introspect_as(&service, &login.access, &authorization).await;
        answer.refused_oauth(401, "invalid_client");
    }
    let event = Event::file("introspection/introspect").without_header("authorization");
    let form = event.form(&[
        ("token", &login.access),
        ("client_id", "orders-api"),
        ("client_secret", INTROSPECTION_SECRET),
    ]);
    service
        .send(&introspection::OPERATION, form)
        .await
        .refused_oauth(401, "invalid_client");
    assert_eq!(service.calls.take(), []);
}

#[tokio::test]
async fn requests_without_a_token_are_invalid() {
    let service = TestService::new().await;
    let authorized = Event::file("introspection/introspect");
    for event in [
        authorized.clone().form(&[("token_type_hint", "access_token")]),
        authorized.clone().form(&[("token", "a"), ("token", "b")]),
        authorized
            .clone()
            .header("content-type", "application/json")
            .text("{\"token\": \"a\"}"),
    ] {
        let answer = service.send(&introspection::OPERATION, event).await;
        answer.refused_oauth(400, "invalid_request");
    }
}

#[tokio::test]
async fn it_is_off_without_a_configured_secret() {
    let service = TestService::with(&[("INTROSPECTION_SECRETS", "")]).await;
    let login = service.log_in("phone").await;
    for authorization in [basic("orders-api", INTROSPECTION_SECRET), basic("", "")] {
        let answer = introspect_as(&service, &login.access, &authorization).await;
        answer.refused_oauth(404, "invalid_request");
    }
}
