//! `ticket`, and logins with what it makes.

use futures_util::future::join_all;
use registry::login;
use serde_json::{Value, json};
use testkit::{Fault, FaultDuration, Injection};
use tests::{Answer, EMAIL, Event, PASSWORD, TestService, Tokens, claims};

const KEY: &str = "the-first-key-of-the-app";
const OTHER_KEY: &str = "another-key-of-somebody";

fn for_demo() -> Value {
    json!({ "email": EMAIL })
}

fn with(command: Value, field: &str, value: Value) -> Value {
    let mut command = command;
    command[field] = value;
    command
}

#[track_caller]
fn refused(answer: &Value, code: &str) {
    assert_eq!(answer["ok"], false, "{answer}");
    assert_eq!(answer["error"]["code"], code, "{answer}");
}

fn invalid(answer: &Answer) {
    answer.refused(401, "invalid_ticket");
}

async fn sessions(service: &TestService) -> Vec<Value> {
    let answer = service
        .admin(json!({ "action": "list_sessions", "email": EMAIL }))
        .await;
    answer["sessions"].as_array().unwrap().clone()
}

async fn ends(service: &TestService) -> Vec<String> {
    let sessions = sessions(service).await;
    let reason = |session: &Value| session["ended_reason"].as_str().map(str::to_owned);
    sessions.iter().filter_map(reason).collect()
}

/// The tickets on the account's credential.
async fn stored(service: &TestService) -> Vec<Value> {
    let items = service.items().await;
    let credential = items.iter().find(|item| item["sk"] == "CREDENTIAL").unwrap();
    credential["tickets"].as_array().cloned().unwrap_or_default()
}

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
async fn a_ticket_is_asked_for_by_id_as_well() {
    let service = TestService::new().await;
    let ticket = service.ticket(json!({ "user_id": service.account.id })).await;
    let body = service.redeem(&ticket, "phone", None).await.ok();
    assert_eq!(body["user"]["id"], service.account.id);
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let service = TestService::new().await;
    for (command, code, message) in [
        (json!([]), "invalid_command", "a command is a JSON object"),
        (
            json!({ "mail": EMAIL }),
            "invalid_command",
            "unknown field `mail`",
        ),
        (json!({}), "validation_failed", "email or user_id must say"),
        (
            json!({ "email": EMAIL, "user_id": service.account.id }),
            "validation_failed",
            "email and user_id exclude",
        ),
        (json!({ "email": "anna" }), "validation_failed", "email must be"),
        (json!({ "user_id": "7" }), "validation_failed", "user_id is not"),
        (
            json!({ "email": "nobody@example.com" }),
            "not_found",
            "there is no such account",
        ),
        (
            json!({ "user_id": "01a20b6b-6898-4a1c-9a55-0a3f1f7a2f10" }),
            "not_found",
            "there is no such account",
        ),
        (
            with(for_demo(), "amr", json!(["password"])),
            "validation_failed",
            "amr must be values of RFC 8176",
        ),
        (
            with(for_demo(), "amr", json!(vec!["pwd"; 9])),
            "validation_failed",
            "amr must have at most 8",
        ),
        (
            with(for_demo(), "device_id", json!("a\u{7}b")),
            "validation_failed",
            "device_id must not",
        ),
        (
            with(for_demo(), "expires_in", json!(0)),
            "validation_failed",
            "expires_in must be",
        ),
        (
            with(for_demo(), "expires_in", json!(301)),
            "validation_failed",
            "expires_in must be",
        ),
    ] {
        let answer = service.ask_for_ticket(command).await;
        refused(&answer, code);
        let told = answer["error"]["message"].as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
    }
    assert_eq!(stored(&service).await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_disabled_account_gets_no_ticket() {
    let service = TestService::new().await;
    service
        .admin(json!({ "action": "disable_user", "email": EMAIL }))
        .await;
    let before = service.items().await.len();
    refused(&service.ask_for_ticket(for_demo()).await, "account_inactive");
    assert_eq!(service.items().await.len(), before);
}

#[tokio::test]
async fn of_five_tickets_the_oldest_is_none() {
    let service = TestService::new().await;
    let mut tickets = Vec::new();
    for _ in 0..5 {
        tickets.push(service.ticket(for_demo()).await);
    }
    assert_eq!(stored(&service).await.len(), 4);
    invalid(&service.redeem(&tickets[0], "phone", None).await);
    // In any order.
    for index in [3, 1, 4, 2] {
        service.redeem(&tickets[index], "phone", None).await.ok();
    }
    assert_eq!(sessions(&service).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_tickets_made_at_once_four_are_good() {
    let service = TestService::new().await;
    let made = join_all((0..8).map(|_| service.ticket(for_demo()))).await;
    assert_eq!(stored(&service).await.len(), 4);
    let answers = join_all(made.iter().map(|ticket| service.redeem(ticket, "phone", None))).await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 4, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        invalid(answer);
    }
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
async fn redemptions_at_once_open_one_session() {
    let service = TestService::new().await;
    for (round, keys) in [
        [Some(KEY); 4],
        [None; 4],
        [Some(KEY), Some(OTHER_KEY), None, Some(KEY)],
    ]
    .into_iter()
    .cycle()
    .take(30)
    .enumerate()
    {
        let ticket = service.ticket(for_demo()).await;
        let answers = join_all(keys.map(|key| service.redeem(&ticket, "phone", key))).await;
        let opened: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert!(!opened.is_empty(), "{answers:?}");
        for answer in &opened {
            let first = Tokens::from(&opened[0].body);
            let own = Tokens::from(&answer.body);
            assert_eq!(own.session, first.session);
            assert_eq!(claims(&own.refresh), claims(&first.refresh));
        }
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.refused(409, "refresh_conflict");
            assert_eq!(answer.headers["retry-after"], "30");
        }
        if keys.iter().all(|key| *key == keys[0]) {
            assert_eq!(opened.len(), keys.len(), "round {round}");
        }
        let active = sessions(&service).await;
        let active = active.iter().filter(|session| session["state"] == "active");
        assert_eq!(active.count(), (round + 1).min(20));
    }
    assert!(!ends(&service).await.contains(&"refresh_token_reuse".to_owned()));
}

#[tokio::test]
async fn a_lost_answer_is_given_again_to_whoever_has_its_key() {
    let service = TestService::new().await;
    let ticket = service.ticket(with(for_demo(), "expires_in", json!(300))).await;
    let first = Tokens::from(&service.redeem(&ticket, "phone", Some(KEY)).await.ok());
    service.clock.advance(299);
    let again = Tokens::from(&service.redeem(&ticket, "phone", Some(KEY)).await.ok());
    assert_eq!(again.session, first.session);
    assert_eq!(claims(&again.refresh), claims(&first.refresh));
    assert_eq!(sessions(&service).await.len(), 1);
    service.refresh(&again.refresh).await.ok();
    assert_eq!(ends(&service).await, [""; 0]);
}

#[tokio::test]
async fn once_its_time_is_over_a_redeemed_ticket_ends_nothing() {
    let service = TestService::new().await;
    let ticket = service.ticket(for_demo()).await;
    let phone = Tokens::from(&service.redeem(&ticket, "phone", Some(KEY)).await.ok());
    service.clock.advance(60);
    for key in [Some(KEY), Some(OTHER_KEY), None] {
        invalid(&service.redeem(&ticket, "thief", key).await);
    }
    service.list(&phone.access).await.ok();
}

#[tokio::test]
async fn somebody_else_with_the_ticket_is_a_conflict_and_then_a_thief() {
    for key in [None, Some(OTHER_KEY)] {
        let service = TestService::new().await;
        let ticket = service.ticket(for_demo()).await;
        let phone = Tokens::from(&service.redeem(&ticket, "phone", Some(KEY)).await.ok());
        service.clock.advance(10);
        let conflict = service.redeem(&ticket, "thief", key).await;
        conflict.refused(409, "refresh_conflict");
        assert_eq!(conflict.headers["retry-after"], "20");
        service.list(&phone.access).await.ok();
        service.clock.advance(20);
        invalid(&service.redeem(&ticket, "thief", key).await);
        service.list(&phone.access).await.refused(401, "session_revoked");
        assert_eq!(ends(&service).await, ["refresh_token_reuse"]);
        // Nothing more ends, and nobody is told more.
        invalid(&service.redeem(&ticket, "thief", key).await);
        invalid(&service.redeem(&ticket, "phone", Some(KEY)).await);
    }
}

#[tokio::test]
async fn a_ticket_that_comes_back_after_the_first_refresh_is_stolen() {
    for key in [None, Some(KEY)] {
        let service = TestService::new().await;
        let ticket = service.ticket(for_demo()).await;
        let phone = Tokens::from(&service.redeem(&ticket, "phone", key).await.ok());
        let phone = Tokens::from(&service.refresh(&phone.refresh).await.ok());
        invalid(&service.redeem(&ticket, "thief", key).await);
        service
            .refresh(&phone.refresh)
            .await
            .refused(401, "session_revoked");
        let events = service
            .admin(json!({ "action": "activity", "email": EMAIL, "limit": 1 }))
            .await;
        assert_eq!(events["events"][0]["type"], "refresh_token_reused");
    }
}

#[tokio::test]
async fn what_ends_all_sessions_ends_all_tickets() {
    for action in ["set_password", "disable_user", "revoke_all_sessions"] {
        let service = TestService::new().await;
        let ticket = service.ticket(for_demo()).await;
        let mut command = json!({ "action": action, "email": EMAIL });
        if action == "set_password" {
            command["password"] = json!("a new horse, a new battery");
        }
        let answer = service.admin(command).await;
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(stored(&service).await, [Value::Null; 0], "{action}");
        invalid(&service.redeem(&ticket, "phone", None).await);
        service
            .admin(json!({ "action": "enable_user", "email": EMAIL }))
            .await;
        invalid(&service.redeem(&ticket, "phone", None).await);
        assert_eq!(sessions(&service).await, [Value::Null; 0]);
    }
}

#[tokio::test]
async fn a_ticket_goes_with_its_account_and_its_address() {
    let service = TestService::new().await;
    let (by_id, by_email) = (
        service.ticket(json!({ "user_id": service.account.id })).await,
        service.ticket(for_demo()).await,
    );
    let moved = json!({ "action": "change_email", "email": EMAIL, "new_email": "new@example.com" });
    assert_eq!(service.admin(moved).await["ok"], true);
    invalid(&service.redeem(&by_id, "phone", None).await);
    // Whoever has the address now has none of its tickets.
    service.create_user(EMAIL).await;
    invalid(&service.redeem(&by_email, "phone", None).await);
    let ticket = service.ticket(for_demo()).await;
    let deleted = service
        .admin(json!({ "action": "delete_user", "email": EMAIL }))
        .await;
    assert_eq!(deleted["ok"], true, "{deleted}");
    service.create_user(EMAIL).await;
    invalid(&service.redeem(&ticket, "phone", None).await);
}

/// Whatever order they commit in: no session of the ticket is open once a command that ends all sessions has answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_redemption_survives_what_ends_all_sessions() {
    for action in ["set_password", "disable_user", "revoke_all_sessions"] {
        for _ in 0..15 {
            let service = TestService::new().await;
            let ticket = service.ticket(for_demo()).await;
            let mut command = json!({ "action": action, "email": EMAIL });
            if action == "set_password" {
                command["password"] = json!("a new horse, a new battery");
            }
            let (answer, login) = tokio::join!(
                service.admin(command),
                service.redeem(&ticket, "phone", Some(KEY))
            );
            assert_eq!(answer["ok"], true, "{answer}");
            let active = sessions(&service).await;
            assert!(
                active.iter().all(|session| session["state"] != "active"),
                "{action}: {login:?} {active:?}"
            );
            if login.status != 200 {
                invalid(&login);
            }
        }
    }
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

/// A ticket is given to nobody unless it is stored, and one that arrives late is nobody's.
#[tokio::test]
async fn whatever_fails_there_is_a_ticket_or_none() {
    let service = TestService::new().await;
    for fault in Fault::QUICK {
        for lasting in [FaultDuration::Attempt, FaultDuration::Call, FaultDuration::Outage] {
            let instance = service.twin().await;
            instance.connection.inject(Injection {
                fault,
                at: 0,
                lasting,
            });
            let answer = instance.ask_for_ticket(for_demo()).await;
            instance.connection.heal();
            instance.connection.deliver_late().await;
            assert!(stored(&service).await.len() <= 4);
            match answer["ticket"].as_str() {
                Some(ticket) => {
                    service.redeem(ticket, "phone", None).await.ok();
                }
                None => refused(&answer, "unavailable"),
            }
            if lasting == FaultDuration::Attempt {
                assert_eq!(answer["ok"], true, "{fault:?}: {answer}");
            }
        }
    }
}
