//! `POST /oauth2/token` and `POST /oauth2/revoke`: refresh and logout as OAuth's clients do them.

use registry::{logout, refresh};
use serde_json::json;
use shared::http::{Code, Operation};
use tests::{Answer, Event, TestService, Tokens, claims};

const TOKEN: &str = "refresh/oauth";
const REVOKE: &str = "logout/oauth-refresh-token";

async fn exchange(service: &TestService, token: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    service.send_form(&refresh::TOKEN, TOKEN, &form).await
}

async fn revoke(service: &TestService, token: &str) -> Answer {
    let form = [("token", token)];
    service.send_form(&logout::REVOKE_TOKEN, REVOKE, &form).await
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_as_at_the_apps_endpoint() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let answer = exchange(&service, &login.refresh).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["pragma"], "no-cache");
    assert_eq!(answer.headers["content-type"], "application/json");
    let body = answer.ok();
    assert_eq!(body["token_type"], "bearer");
    let tokens = Tokens::from(&body);
    assert_eq!(tokens.session, login.session);
    service.list(&tokens.access).await.ok();
    service.refresh(&tokens.refresh).await.ok();
}

#[tokio::test]
async fn a_lost_answer_is_repeated_with_its_key_at_either_endpoint() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let key = "a-key-of-sixteen-characters";
    let event = Event::file("refresh/oauth-idempotent")
        .refresh_token(&login.refresh)
        .header("idempotency-key", key);
    let first = Tokens::from(&service.send(&refresh::TOKEN, event.clone()).await.ok());
    service.clock.advance(86_400);
    let again = Tokens::from(&service.send(&refresh::TOKEN, event).await.ok());
    assert_eq!(claims(&first.refresh), claims(&again.refresh));
    let other = service.refresh_with_key(&login.refresh, key).await.ok();
    assert_eq!(claims(&Tokens::from(&other).refresh), claims(&first.refresh));
}

#[tokio::test]
async fn what_is_over_is_an_invalid_grant() {
    let service = TestService::new().await;
    let refused = |answer: Answer, code| answer.refused_by(&refresh::TOKEN, code);
    let login = service.log_in("phone").await;
    refused(exchange(&service, "nonsense").await, Code::InvalidToken);
    refused(exchange(&service, &login.access).await, Code::InvalidToken);
    revoke(&service, &login.refresh).await.ok();
    let answer = exchange(&service, &login.refresh).await;
    assert_eq!(answer.body["error"], "invalid_grant");
    refused(answer, Code::SessionRevoked);

    let old = service.log_in("phone").await;
    let second = Tokens::from(&exchange(&service, &old.refresh).await.ok());
    exchange(&service, &second.refresh).await.ok();
    refused(exchange(&service, &old.refresh).await, Code::RefreshTokenReused);
    refused(exchange(&service, &second.refresh).await, Code::SessionRevoked);

    let idle = service.log_in("phone").await;
    service.clock.advance(604_800);
    refused(exchange(&service, &idle.refresh).await, Code::SessionExpired);
    service.clock.advance(7_776_000);
    refused(exchange(&service, &idle.refresh).await, Code::TokenExpired);
}

#[tokio::test]
async fn a_conflict_is_temporary_and_no_invalid_grant() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service
        .refresh_with_key(&login.refresh, "a-key-of-sixteen-characters")
        .await
        .ok();
    let answer = exchange(&service, &login.refresh).await;
    assert_eq!(answer.headers["retry-after"], "30");
    answer.refused_oauth(409, "temporarily_unavailable");
}

#[tokio::test]
async fn other_forms_are_refused_in_oauths_words() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let good = [
        ("grant_type", "refresh_token"),
        ("refresh_token", login.refresh.as_str()),
    ];
    let with = |name, value| [&good[..], &[(name, value)]].concat();
    let other_grant = |grant| vec![("grant_type", grant), good[1]];
    for (form, status, error) in [
        (vec![good[0]], 400, "invalid_request"),
        (vec![good[1]], 400, "invalid_request"),
        (vec![], 400, "invalid_request"),
        (vec![good[0], good[1], good[1]], 400, "invalid_request"),
        (vec![good[0], good[0], good[1]], 400, "invalid_request"),
        (other_grant("password"), 400, "unsupported_grant_type"),
        (other_grant("authorization_code"), 400, "unsupported_grant_type"),
        (other_grant("REFRESH_TOKEN"), 400, "unsupported_grant_type"),
        (with("scope", "openid"), 400, "invalid_scope"),
        (with("client_id", "another"), 400, "invalid_client"),
        (with("client_secret", "secret"), 400, "invalid_client"),
        (with("client_assertion", "a.b.c"), 400, "invalid_client"),
    ] {
        let answer = service.send_form(&refresh::TOKEN, TOKEN, &form).await;
        assert_eq!(answer.body["error"], error, "{form:?}");
        answer.refused_oauth(status, error);
    }
    // Parameters without a value count as omitted (RFC 6749 §3.2), unknown ones are ignored.
    let form = [
        with("client_id", "mobile"),
        vec![("scope", ""), ("client_secret", ""), ("resource", "x")],
    ]
    .concat();
    service.send_form(&refresh::TOKEN, TOKEN, &form).await.ok();
}

#[tokio::test]
async fn what_is_no_form_is_an_invalid_request() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let json =
        json!({ "grant_type": "refresh_token", "refresh_token": login.refresh, "token": login.refresh });
    for (operation, file) in [(&refresh::TOKEN, TOKEN), (&logout::REVOKE_TOKEN, REVOKE)] {
        let event = Event::file(file);
        for broken in [
            event.clone().without_header("content-type").json(&json),
            event.clone().header("content-type", "text/plain"),
            event.clone().text(""),
            event
                .clone()
                .text("token=%FF&refresh_token=%FF&grant_type=refresh_token"),
            event.clone().header("content-encoding", "gzip"),
        ] {
            service
                .send(operation, broken)
                .await
                .refused_oauth(400, "invalid_request");
        }
        let large = event.clone().text(&format!("token={}", "x".repeat(17_000)));
        service
            .send(operation, large)
            .await
            .refused_oauth(413, "invalid_request");
        let answer = service.send(operation, event.method("GET")).await;
        assert_eq!(answer.headers["allow"], "POST");
        answer.refused_oauth(405, "invalid_request");
    }
    service.list(&login.access).await.ok();
}

#[tokio::test]
async fn a_client_has_no_credentials_in_the_header() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let operations: [(&Operation, Event); 2] = [
        (&refresh::TOKEN, Event::file(TOKEN).refresh_token(&login.refresh)),
        (
            &logout::REVOKE_TOKEN,
            Event::file(REVOKE).form(&[("token", &login.refresh)]),
        ),
    ];
    for (operation, event) in operations {
        for value in ["Basic bW9iaWxlOg==", "Bearer x", ""] {
            let event = event.clone().header("authorization", value);
            service
                .send(operation, event)
                .await
                .refused_oauth(401, "invalid_client");
        }
    }
    service.list(&login.access).await.ok();
}

#[tokio::test]
async fn either_token_ends_its_session_and_a_repeat_is_a_success() {
    let service = TestService::new().await;
    for by_access in [false, true] {
        let login = service.log_in("phone").await;
        let token = if by_access { &login.access } else { &login.refresh };
        for _ in 0..2 {
            assert_eq!(revoke(&service, token).await.ok(), json!({}));
        }
        service.list(&login.access).await.refused(401, "session_revoked");
        assert_eq!(
            service.session_item(&login.session).await["revoked_reason"],
            "logout"
        );
    }
    let events = service.events().await;
    assert_eq!(events.iter().filter(|name| *name == "logout").count(), 2);
}

#[tokio::test]
async fn an_ancestor_ends_the_session_as_stolen() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let second = Tokens::from(&exchange(&service, &login.refresh).await.ok());
    exchange(&service, &second.refresh).await.ok();
    assert_eq!(revoke(&service, &login.refresh).await.ok(), json!({}));
    let session = service.session_item(&login.session).await;
    assert_eq!(session["revoked_reason"], "refresh_token_reuse");
}

#[tokio::test]
async fn what_is_unknown_is_a_success_and_ends_nothing() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let before = service.items().await;
    service.clock.advance(901);
    for token in ["nonsense", "a.b.c", &login.access] {
        assert_eq!(revoke(&service, token).await.ok(), json!({}));
    }
    assert_eq!(service.items().await, before);
    let form = [
        ("token", login.refresh.as_str()),
        ("token_type_hint", "urn:unknown"),
    ];
    service.send_form(&logout::REVOKE_TOKEN, REVOKE, &form).await.ok();
    service
        .refresh(&login.refresh)
        .await
        .refused(401, "session_revoked");
    let none = service.send_form(&logout::REVOKE_TOKEN, REVOKE, &[("token_type_hint", "x")]);
    none.await.refused_oauth(400, "invalid_request");
    let other = [("token", "x"), ("client_id", "another")];
    let answer = service.send_form(&logout::REVOKE_TOKEN, REVOKE, &other).await;
    answer.refused_oauth(400, "invalid_client");
}
