//! Logging in with tickets.

use registry::login;
use serde_json::{Value, json};
use tests::{EMAIL, Event, PASSWORD, TestService, Tokens, claims};

use super::{for_demo, invalid, sessions, stored, with};

#[tokio::test]
async fn a_ticket_opens_a_session_like_a_login() {
    let service = TestService::new().await;
    let command = json!({ "email": EMAIL, "amr": ["hwk", "user"], "device_id": "phone", "expires_in": 120 });
    let answer = service.ask_for_ticket(command).await;
    assert_eq!(
        (&answer["ok"], &answer["expires_in"]),
        (&json!(true), &json!(120))
    );
    let ticket = answer["ticket"].as_str().unwrap();
    service.clock.advance(119);
    let body = service.redeem(ticket, "My phone", None).await.ok();
    assert_eq!(body["user"]["email"], EMAIL);
    let tokens = Tokens::from(&body);
    let access = claims(&tokens.access);
    assert_eq!(access["amr"], json!(["hwk", "user"]));
    assert_eq!(access["auth_time"], access["iat"]);
    assert!(body["device_token"].is_string());
    let listed = service.list(&tokens.access).await.ok();
    assert_eq!(listed["sessions"][0]["device_name"], "My phone");
    assert_eq!(listed["sessions"][0]["device_id"], "phone");
    let refreshed = service.refresh(&tokens.refresh).await.ok();
    let refreshed = claims(refreshed["access_token"].as_str().unwrap());
    assert_eq!(refreshed["amr"], json!(["hwk", "user"]));
    assert_eq!(refreshed["auth_time"], access["auth_time"]);
    assert_eq!(stored(&service).await, [Value::Null; 0]);
}

#[tokio::test]
async fn the_trail_says_how_a_session_was_opened() {
    let service = TestService::new().await;
    let by_password = service.log_in("phone").await;
    let with_amr = service
        .ticket(with(for_demo(), "amr", json!(["otp", "sms"])))
        .await;
    service.redeem(&with_amr, "tablet", None).await.ok();
    let without = service.ticket(for_demo()).await;
    let opened = Tokens::from(&service.redeem(&without, "laptop", None).await.ok());
    assert!(claims(&opened.access).get("amr").is_none());
    let event = Event::file("activity/first-page").bearer(&by_password.access);
    let answer = service.send(&registry::activity::OPERATION, event).await.ok();
    let told: Vec<_> = answer["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["type"].as_str().unwrap(), event["amr"].clone()))
        .collect();
    let expected = [
        ("login_succeeded", json!([])),
        ("login_succeeded", json!(["otp", "sms"])),
        ("login_succeeded", json!(["pwd"])),
    ];
    assert_eq!(told[..3], expected);
}

#[tokio::test]
async fn a_ticket_that_is_none_is_refused_like_any_other() {
    let service = TestService::new().await;
    let ticket = service.ticket(for_demo()).await;
    let (address, secret) = ticket.split_once('.').unwrap();
    let phone = service.log_in("phone").await;
    for wrong in [
        "x".to_owned(),
        format!("{address}."),
        format!("{address}.{}", "A".repeat(43)),
        format!("{ticket}A"),
        // Another account's address.
        format!("bm9ib2R5QGV4YW1wbGUuY29t.{secret}"),
        phone.refresh.clone(),
        phone.access.clone(),
        "\u{0}".to_owned(),
        "A".repeat(10_000),
    ] {
        invalid(&service.redeem(&wrong, "phone", None).await);
    }
    service.list(&phone.access).await.ok();
    service.redeem(&ticket, "phone", None).await.ok();
}

#[tokio::test]
async fn a_ticket_is_good_until_its_second() {
    let service = TestService::new().await;
    let late = service.ticket(for_demo()).await;
    service.clock.advance(60);
    invalid(&service.redeem(&late, "phone", None).await);
    let ticket = service.ticket(for_demo()).await;
    service.clock.advance(59);
    service.redeem(&ticket, "phone", None).await.ok();
}

#[tokio::test]
async fn a_body_has_a_ticket_or_a_password() {
    let service = TestService::new().await;
    let ticket = service.ticket(for_demo()).await;
    for other in [
        json!({ "email": EMAIL }),
        json!({ "password": PASSWORD }),
        json!({ "email": EMAIL, "password": PASSWORD }),
    ] {
        let body = with(other, "ticket", json!(ticket));
        let event = Event::file("login/json").json(&body);
        service
            .send(&login::OPERATION, event)
            .await
            .refused_field("ticket");
    }
    let event = Event::file("login/json").json(&json!({ "ticket": 5 }));
    service
        .send(&login::OPERATION, event)
        .await
        .refused_field("ticket");
    let event = Event::file("login/ticket").json(&json!({ "ticket": ticket }));
    let event = event.header("idempotency-key", "short");
    service
        .send(&login::OPERATION, event)
        .await
        .refused_field("Idempotency-Key");
    service.redeem(&ticket, "phone", None).await.ok();
}

#[tokio::test]
async fn a_ticket_for_a_device_is_good_on_no_other() {
    let service = TestService::new().await;
    let ticket = service
        .ticket(with(for_demo(), "device_id", json!("phone")))
        .await;
    let on = |id: &str| Event::file("login/ticket").json(&json!({ "ticket": ticket, "device_id": id }));
    service
        .send(&login::OPERATION, on("another"))
        .await
        .refused_field("device_id");
    let body = service.send(&login::OPERATION, on("phone")).await.ok();
    let listed = service.list(body["access_token"].as_str().unwrap()).await.ok();
    assert_eq!(listed["sessions"][0]["device_id"], "phone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_passwords_and_tickets_at_once_there_are_never_more_than_the_limit() {
    let service = TestService::new().await;
    for device in 0..19 {
        service.log_in(&format!("device {device}")).await;
        service.clock.advance(1);
    }
    for _ in 0..10 {
        let (one, other) = (service.ticket(for_demo()).await, service.ticket(for_demo()).await);
        let (first, second, _) = tokio::join!(
            service.redeem(&one, "phone", None),
            service.redeem(&other, "tablet", None),
            service.log_in("laptop")
        );
        first.ok();
        second.ok();
        let sessions = sessions(&service).await;
        let active = sessions.iter().filter(|session| session["state"] == "active");
        assert_eq!(active.count(), 20);
    }
}

#[tokio::test]
async fn an_account_without_a_password_is_logged_in_to_with_tickets_only() {
    let service = TestService::new().await;
    let email = "passkey@example.com";
    let created = service
        .admin(json!({ "action": "create_user", "email": email }))
        .await;
    assert_eq!(created["ok"], true, "{created}");
    let attempt = async |password: &str| {
        let event = Event::file("login/json").json(&json!({ "email": email, "password": password }));
        service.send(&login::OPERATION, event).await
    };
    attempt("").await.refused_field("password");
    attempt(PASSWORD).await.refused(401, "invalid_credentials");
    let ticket = service.ticket(json!({ "email": email })).await;
    service.redeem(&ticket, "phone", None).await.ok();
    let set = json!({ "action": "set_password", "email": email, "password": PASSWORD });
    assert_eq!(service.admin(set).await["ok"], true);
    attempt(PASSWORD).await.ok();
}

/// As with a wrong password: nobody learns from calls or writes which addresses have an account, or a password.
#[tokio::test]
async fn an_unknown_address_takes_the_calls_of_a_known_one() {
    let service = TestService::with(&[("RATE_LIMIT_LOGIN_IP", "60")]).await;
    let calls = async |address: &str| {
        service.calls.take();
        let ticket = format!("{address}.{}", "A".repeat(43));
        invalid(&service.redeem(&ticket, "phone", None).await);
        let calls = service.calls.take();
        calls
            .iter()
            .map(|call| call.operation.clone())
            .collect::<Vec<_>>()
    };
    let known = calls("ZGVtb0BleGFtcGxlLmNvbQ").await;
    assert_eq!(known, calls("bm9ib2R5QGV4YW1wbGUuY29t").await);
    assert_eq!(known.iter().filter(|call| *call == "Query").count(), 2);
}

#[tokio::test]
async fn attempts_with_tickets_count_against_their_source_and_no_account() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_IP", "5"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "5"),
    ])
    .await;
    let forged = format!("ZGVtb0BleGFtcGxlLmNvbQ.{}", "A".repeat(43));
    for _ in 0..5 {
        invalid(&service.redeem(&forged, "phone", None).await);
    }
    let ticket = service.ticket(for_demo()).await;
    service
        .redeem(&ticket, "phone", None)
        .await
        .refused(429, "rate_limited");
    service.clock.advance(59);
    service.redeem(&ticket, "phone", None).await.ok();
    service.log_in("laptop").await;
}
