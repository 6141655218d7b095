//! `POST /api/v1/auth/refresh`.

use futures_util::future::join_all;
use registry::refresh;
use serde_json::json;
use shared::runtime::Timeouts;
use testkit::{Fault, FaultDuration, Injection};
use tests::{Event, TestService, Tokens, claims, forge};

const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

#[tokio::test]
async fn refresh_answers_the_successor() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.clock.advance(600);
    let body = service.refresh(&login.refresh).await.ok();
    let next = Tokens::from(&body);
    assert_eq!(next.session, login.session);
    assert_eq!(body["refresh_token_expires_in"], 604_800);
    assert!(body["user"].is_null());
    let (before, after) = (claims(&login.refresh), claims(&next.refresh));
    assert_ne!(before["jti"], after["jti"]);
    assert_eq!(after["exp"], before["exp"]);
    assert_eq!(before["auth_time"], json!(null), "the session has it");
    let (first, second) = (claims(&login.access), claims(&next.access));
    assert_eq!(second["auth_time"], first["auth_time"]);
    assert_eq!(
        (&first["amr"], &second["amr"]),
        (&json!(["pwd"]), &json!(["pwd"]))
    );
    assert_eq!(after["iat"], before["iat"].as_i64().unwrap() + 600);
    let item = service.session_item(&login.session).await;
    assert_eq!(item["rotation_count"], 1);
    assert_eq!(item["previous_jti"], before["jti"]);
    assert_eq!(item["last_used_at"], service.clock.now().0);
    service.list(&next.access).await.ok();
    let form = format!("grant_type=refresh_token&refresh_token={}", next.refresh);
    service
        .send(&refresh::OPERATION, Event::file("refresh/form").text(&form))
        .await
        .ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_refreshes_at_once_get_one_and_the_same_successor() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let answers = join_all((0..100).map(|_| service.refresh(&login.refresh))).await;
    let mut successors: Vec<_> = answers
        .into_iter()
        .map(|answer| {
            let claims = claims(answer.ok()["refresh_token"].as_str().unwrap());
            (
                claims["jti"].to_string(),
                claims["iat"].to_string(),
                claims["exp"].to_string(),
            )
        })
        .collect();
    assert_eq!(successors.len(), 100);
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert_eq!(service.session_item(&login.session).await["rotation_count"], 1);
}

#[tokio::test]
async fn a_retry_within_the_window_gets_the_same_successor_and_does_not_restart_it() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let first = claims(&Tokens::from(&service.refresh(&login.refresh).await.ok()).refresh);
    for seconds in [20, 9] {
        service.clock.advance(seconds);
        let again = claims(&Tokens::from(&service.refresh(&login.refresh).await.ok()).refresh);
        assert_eq!(again, first);
    }
    service.clock.advance(1);
    service
        .refresh(&login.refresh)
        .await
        .refused(401, "refresh_token_reused");
    assert_eq!(
        service.session_item(&login.session).await["revoked_reason"],
        "refresh_token_reuse"
    );
}

#[tokio::test]
async fn a_retry_with_its_idempotency_key_gets_the_same_successor_days_later() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let first = Tokens::from(&service.refresh_with_key(&login.refresh, KEY).await.ok());
    service.clock.advance(3 * 86_400);
    let again = Tokens::from(&service.refresh_with_key(&login.refresh, KEY).await.ok());
    assert_eq!(claims(&again.refresh), claims(&first.refresh));
    service.list(&again.access).await.ok();
    let item = service.session_item(&login.session).await;
    assert_eq!(item["rotation_count"], 1);
    assert!(!item.to_string().contains(KEY), "{item}");

    // Once the successor is used, the key has no effect.
    service.refresh(&first.refresh).await.ok();
    service
        .refresh_with_key(&login.refresh, KEY)
        .await
        .refused(401, "refresh_token_reused");
}

#[tokio::test]
async fn a_thief_without_the_key_ends_the_session_and_no_other() {
    let service = TestService::new().await;
    let (login, other) = (service.log_in("phone").await, service.log_in("tablet").await);
    let next = Tokens::from(&service.refresh_with_key(&login.refresh, KEY).await.ok());
    service.clock.advance(30);
    let answer = service
        .refresh_with_key(&login.refresh, "another-key-of-the-thief")
        .await;
    answer.refused(401, "refresh_token_reused");
    assert_eq!(answer.body["error"], "invalid_grant");
    service
        .refresh(&next.refresh)
        .await
        .refused(401, "session_revoked");
    service.list(&next.access).await.refused(401, "session_revoked");
    service.refresh(&other.refresh).await.ok();
    let events = service.events().await;
    assert_eq!(
        events
            .iter()
            .filter(|name| *name == "refresh_token_reused")
            .count(),
        1
    );
}

/// Four times in a row, seconds after each refresh of a phone that sends keys.
#[tokio::test]
async fn a_thief_who_shadows_each_refresh_gets_nothing() {
    let service = TestService::new().await;
    let mut token = service.log_in("phone").await.refresh;
    let mut waits = Vec::new();
    for key in 0..4 {
        let stolen = token;
        let answer = service.refresh_with_key(&stolen, &format!("{KEY}{key}")).await;
        token = Tokens::from(&answer.ok()).refresh;
        for (seconds, thief) in [(3, None), (8, Some("another-key-of-the-thief"))] {
            service.clock.advance(seconds);
            let answer = match thief {
                None => service.refresh(&stolen).await,
                Some(key) => service.refresh_with_key(&stolen, key).await,
            };
            answer.refused(409, "refresh_conflict");
            assert!(answer.body["error"].is_null(), "{}", answer.body);
            waits.push(answer.headers["retry-after"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(waits, ["27", "19"].repeat(4));
    service.refresh(&token).await.ok();
}

/// A second process of the app, or an app that makes a new key for each attempt, is told to read its store.
#[tokio::test]
async fn a_conflict_that_lasts_is_decided_after_its_retry_after() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    // A thief without a key was first.
    let thief = Tokens::from(&service.refresh(&login.refresh).await.ok());
    service.clock.advance(10);
    let answer = service.refresh_with_key(&login.refresh, KEY).await;
    answer.refused(409, "refresh_conflict");
    assert_eq!(answer.headers["retry-after"], "20");
    service.clock.advance(20);
    let answer = service.refresh_with_key(&login.refresh, KEY).await;
    answer.refused(401, "refresh_token_reused");
    service
        .refresh(&thief.refresh)
        .await
        .refused(401, "session_revoked");
}

#[tokio::test]
async fn a_clock_behind_neither_refreshes_an_expired_session_nor_calls_it_stolen() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "100")]).await;
    let login = service.log_in("phone").await;
    let mut ahead = claims(&login.refresh);
    ahead["iat"] = (ahead["iat"].as_i64().unwrap() + 100).into();
    let key = &service.keys.current;
    // By the clock of the machine that issued it, the session has expired.
    let token = forge(key, &key.public().kid, "rt+jwt", &ahead);
    service.refresh(&token).await.refused(401, "session_expired");
    assert!(service.session_item(&login.session).await["revoked_at"].is_null());
}

#[tokio::test]
async fn a_session_stored_without_time_and_method_of_login_is_as_one_by_password() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    for mut item in service.raw_items().await {
        if item.remove("auth_time").is_some() && item.remove("amr").is_some() {
            service.put(item).await;
        }
    }
    assert!(service.session_item(&login.session).await["amr"].is_null());
    let next = Tokens::from(&service.refresh(&login.refresh).await.ok());
    let (before, after) = (claims(&login.access), claims(&next.access));
    assert_eq!(
        (&after["auth_time"], &after["amr"]),
        (&before["auth_time"], &before["amr"])
    );
}

/// Whoever has one token of an ended session can repeat it for ever.
#[tokio::test]
async fn the_refusals_of_an_ended_session_cost_one_write_a_minute() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "600")]).await;
    let (revoked, expired) = (service.log_in("phone").await, service.log_in("tablet").await);
    service.revoke(&expired.access, &revoked.session).await.ok();
    let writes = async |login: &Tokens, code: &str| {
        service.calls.take();
        for _ in 0..50 {
            service.refresh(&login.refresh).await.refused(401, code);
        }
        let calls = service.calls.take();
        calls.iter().filter(|call| call.operation == "UpdateItem").count()
    };
    assert_eq!(writes(&revoked, "session_revoked").await, 1);
    service.clock.advance(59);
    assert_eq!(writes(&revoked, "session_revoked").await, 0);
    service.clock.advance(1);
    assert_eq!(writes(&revoked, "session_revoked").await, 1);
    // A machine whose clock is behind may still refresh it.
    service.clock.advance(600);
    assert_eq!(writes(&expired, "session_expired").await, 50);
    service.clock.advance(300);
    assert_eq!(writes(&expired, "session_expired").await, 1);
}

#[tokio::test]
async fn a_token_two_generations_old_ends_the_session_even_within_the_window() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let second = Tokens::from(&service.refresh(&login.refresh).await.ok());
    service.refresh(&second.refresh).await.ok();
    service
        .refresh(&login.refresh)
        .await
        .refused(401, "refresh_token_reused");
    service
        .refresh(&login.refresh)
        .await
        .refused(401, "session_revoked");
}

#[tokio::test]
async fn the_idle_limit_ends_a_session_although_its_token_has_not_expired() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.clock.advance(604_799);
    let next = Tokens::from(&service.refresh(&login.refresh).await.ok());
    service.clock.advance(604_800);
    service
        .refresh(&next.refresh)
        .await
        .refused(401, "session_expired");
    assert!(service.session_item(&login.session).await["revoked_at"].is_null());
}

#[tokio::test]
async fn no_session_outlives_its_absolute_limit() {
    let service = TestService::with(&[
        ("SESSION_ABSOLUTE_SECONDS", "1000"),
        ("REFRESH_IDLE_SECONDS", "600"),
    ])
    .await;
    let login = service.log_in("phone").await;
    service.clock.advance(590);
    let body = service.refresh(&login.refresh).await.ok();
    assert_eq!(body["refresh_token_expires_in"], 410);
    assert_eq!(body["expires_in"], 410);
    service.clock.advance(410);
    let answer = service.refresh(body["refresh_token"].as_str().unwrap()).await;
    answer.refused(401, "token_expired");
}

#[tokio::test]
async fn a_token_newer_than_its_record_ends_the_session_as_restored() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let mut lost = claims(&login.refresh);
    lost["iat"] = (lost["iat"].as_i64().unwrap() + 5).into();
    lost["jti"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
    let key = &service.keys.current;
    service.clock.advance(60);
    let token = forge(key, &key.public().kid, "rt+jwt", &lost);
    service.refresh(&token).await.refused(401, "session_expired");
    let item = service.session_item(&login.session).await;
    assert_eq!(item["revoked_reason"], "restored");
    assert!(service.events().await.contains(&"session_revoked".to_owned()));
    service
        .refresh(&login.refresh)
        .await
        .refused(401, "session_revoked");
}

#[tokio::test]
async fn a_forged_token_of_an_unknown_session_refreshes_nothing() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let mut forged = claims(&login.refresh);
    forged["sid"] = "019ab2c4-0000-7000-8000-000000000000".into();
    let key = &service.keys.current;
    let before = service.items().await.len();
    service
        .refresh(&forge(key, &key.public().kid, "rt+jwt", &forged))
        .await
        .refused(401, "session_expired");
    assert_eq!(service.items().await.len(), before);
}

#[tokio::test]
async fn a_request_that_does_not_fit_says_so_in_both_languages() {
    let service = TestService::new().await;
    let send = async |event: Event| service.send(&refresh::OPERATION, event).await;
    let answer = send(Event::file("refresh/json").json(&json!({}))).await;
    answer.refused_field("refresh_token");
    assert_eq!(answer.body["error"], "invalid_request");
    send(Event::file("refresh/form").text("grant_type=password&refresh_token=x"))
        .await
        .refused_field("grant_type");
    send(Event::file("refresh/form").text("grant_type=refresh_token&refresh_token=a&refresh_token=b"))
        .await
        .refused(400, "malformed_request");
    for key in ["short", &"k".repeat(129), "sixteen chars and spaces"] {
        let event = Event::file("refresh/json").header("idempotency-key", key);
        send(event).await.refused_field("Idempotency-Key");
    }
}

#[tokio::test]
async fn a_refresh_tells_address_and_name_but_keeps_the_device() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let event = Event::file("refresh/json")
        .json(&json!({ "refresh_token": login.refresh }))
        .source_ip("2001:db8::5")
        .header("x-device-name", "Renamed");
    service.send(&refresh::OPERATION, event).await.ok();
    let item = service.session_item(&login.session).await;
    assert_eq!(item["ip_address"], "2001:db8::5");
    assert_eq!(item["device_name"], "Renamed");
    assert_eq!(item["device_id"], "phone");
}

#[tokio::test]
async fn a_refresh_from_another_country_is_recorded() {
    let secret = "a secret of some length";
    let service = TestService::with(&[("TRUSTED_PROXY", "cloudfront"), ("CLOUDFRONT_SECRET", secret)]).await;
    let mut token = service.log_in("phone").await.refresh;
    for country in ["CH", "CH", "FR"] {
        let event = from_country(country, &token, secret);
        token = Tokens::from(&service.send(&refresh::OPERATION, event).await.ok()).refresh;
        service.clock.advance(60);
    }
    let events = service.events().await;
    assert_eq!(events.iter().filter(|name| *name == "session_moved").count(), 1);
}

#[tokio::test]
async fn a_refresh_from_another_country_is_answered_also_when_that_cannot_be_recorded() {
    let secret = "a secret of some length";
    let service = TestService::with(&[("TRUSTED_PROXY", "cloudfront"), ("CLOUDFRONT_SECRET", secret)]).await;
    let login = service.log_in("phone").await;
    let first = service
        .send(&refresh::OPERATION, from_country("CH", &login.refresh, secret))
        .await;
    let token = Tokens::from(&first.ok()).refresh;
    let instance = {
        // The one timeout that is to end here.
        let event = Timeouts::default().event;
        let generous = service.state.config.timeouts;
        service.twin_with(Timeouts { event, ..generous }).await
    };
    instance.state.keys.warm(1).await;
    // The write after the rotation is never answered.
    instance.connection.inject(Injection {
        fault: Fault::Silent,
        at: 1,
        lasting: FaultDuration::Outage,
    });
    let answer = instance
        .send(&refresh::OPERATION, from_country("FR", &token, secret))
        .await;
    assert!(instance.connection.heal() > 0, "nothing was to be recorded");
    let next = Tokens::from(&answer.ok());
    service.list(&next.access).await.ok();
    assert!(!service.events().await.contains(&"session_moved".to_owned()));
}

fn from_country(country: &str, token: &str, secret: &str) -> Event {
    Event::file("refresh/json")
        .json(&json!({ "refresh_token": token }))
        .header("x-origin-verify", secret)
        .header("cloudfront-viewer-country", country)
}
