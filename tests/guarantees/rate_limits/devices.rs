//! Device tokens: a lane of its own for a device that logged in before.

use registry::login;
use serde_json::{Value, json};
use shared::auth::{SigningKeySource, SigningKeys};
use tests::{Answer, EMAIL, Event, PASSWORD, TestService, claims};

use super::{STRANGER, attempt, counters, guess};

const HOME: &str = "203.0.113.7";

const LIMITS: [(&str, &str); 4] = [
    ("RATE_LIMIT_LOGIN_GUESSES", "1"),
    ("RATE_LIMIT_LOGIN_ACCOUNT", "1"),
    ("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "1"),
    ("RATE_LIMIT_LOGIN_DEVICE", "5"),
];

fn known(email: &str, password: &str, device_token: &Value) -> Event {
    let body = json!({"email": email, "password": password, "device_token": device_token});
    attempt(email, password, HOME).json(&body)
}

async fn log_in(service: &TestService, device_token: &Value) -> Answer {
    service
        .send(&login::OPERATION, known(EMAIL, PASSWORD, device_token))
        .await
}

/// A token of the account, whose strangers have then no guess left.
async fn token_of_a_locked_account(service: &TestService) -> Value {
    let token = log_in(service, &Value::Null).await.ok()["device_token"].clone();
    guess(service, EMAIL, STRANGER)
        .await
        .refused(401, "invalid_credentials");
    log_in(service, &Value::Null).await.refused(429, "rate_limited");
    token
}

#[tokio::test]
async fn strangers_never_lock_an_owner_out_of_a_known_phone() {
    let service = TestService::with(&LIMITS).await;
    let token = token_of_a_locked_account(&service).await;
    service
        .send(&login::OPERATION, known(EMAIL, "wrong password", &token))
        .await
        .refused(401, "invalid_credentials");
    log_in(&service, &token).await.ok();
    // A form has the field too.
    let form = format!(
        "username={EMAIL}&password=correct+horse+battery+staple&device_token={}",
        token.as_str().unwrap()
    );
    service
        .send(&login::OPERATION, Event::file("login/form").text(&form))
        .await
        .ok();
}

#[tokio::test]
async fn a_known_devices_guesses_are_five_a_minute_and_twenty_a_day() {
    let service = TestService::with(&LIMITS).await;
    let token = token_of_a_locked_account(&service).await;
    let before = counters(&service).await;
    let wrong = async || {
        service
            .send(&login::OPERATION, known(EMAIL, "wrong password", &token))
            .await
    };
    for minute in 0..4 {
        for left in (0..5).rev() {
            let answer = wrong().await;
            answer.refused(401, "invalid_credentials");
            let day = 19 - minute * 5 - (4 - left);
            assert_eq!(
                answer.headers["ratelimit-policy"],
                "\"device\";q=5;w=60, \"device-day\";q=20;w=86400"
            );
            let resets = if minute == 0 { 20 } else { 60 };
            let day_resets = if minute == 0 { 60_800 } else { 60_840 - 60 * minute };
            assert_eq!(
                answer.headers["ratelimit"],
                format!("\"device\";r={left};t={resets}, \"device-day\";r={day};t={day_resets}")
            );
        }
        wrong().await.refused(429, "rate_limited");
        service.clock.advance(if minute == 0 { 20 } else { 60 });
    }
    log_in(&service, &token).await.refused(429, "rate_limited");
    let now = counters(&service).await;
    assert!(
        before.iter().all(|counter| now.contains(counter)),
        "the account's counters stay as they were"
    );
}

#[tokio::test]
async fn a_device_keeps_its_lane_and_each_new_one_has_its_own() {
    let service = TestService::with(&LIMITS).await;
    let first = log_in(&service, &Value::Null).await.ok()["device_token"].clone();
    let other = log_in(&service, &Value::Null).await.ok()["device_token"].clone();
    service.clock.advance(100);
    let next = log_in(&service, &first).await.ok()["device_token"].clone();
    let of = |token: &Value| claims(token.as_str().unwrap());
    let (first, other, next) = (of(&first), of(&other), of(&next));
    assert_eq!(first["jti"], next["jti"]);
    assert_ne!(first["jti"], other["jti"]);
    assert_eq!(first["aud"], "https://auth.example.com/device");
    let iat = next["iat"].as_i64().unwrap();
    assert_eq!(next["exp"], iat + 180 * 86_400);
    assert_eq!(iat - first["iat"].as_i64().unwrap(), 100);
    assert!(!next.to_string().contains('@'));
}

#[tokio::test]
async fn a_device_token_is_known_for_180_days_and_for_its_address_only() {
    let service = TestService::with(&LIMITS).await;
    service.create_user("other@example.com").await;
    let theirs = service
        .send(&login::OPERATION, attempt("other@example.com", PASSWORD, HOME))
        .await
        .ok()["device_token"]
        .clone();
    let token = token_of_a_locked_account(&service).await;
    for none in [&theirs, &json!(""), &json!("not a token"), &json!("a.b.c")] {
        log_in(&service, none).await.refused(429, "rate_limited");
    }
    let is_known = async |token: &Value| {
        let answer = log_in(&service, token).await;
        let policy = answer.headers["ratelimit-policy"].as_str().unwrap().to_owned();
        answer.ok();
        policy.contains("device")
    };
    service.clock.advance(180 * 86_400 - 1);
    assert!(is_known(&token).await);
    service.clock.advance(1);
    assert!(!is_known(&token).await);
}

#[tokio::test]
async fn a_device_token_whose_key_was_just_dropped_is_as_none() {
    let service = TestService::with(&LIMITS).await;
    let token = token_of_a_locked_account(&service).await;
    let keys = SigningKeys::generate(1).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, keys.to_json()).unwrap();
    let instance = service
        .instance(SigningKeySource::File(file.path().to_owned()))
        .await;
    instance.state.keys.warm(1).await;
    service.state.store.publish_key_set(&keys.public()).await.unwrap();
    // The instance's copy of the set still has the old key when it counts the guess.
    log_in(&instance, &token).await.refused(429, "rate_limited");
}

#[tokio::test]
async fn a_retired_key_vouches_for_its_device_tokens_to_their_end() {
    let mut service = TestService::with(&LIMITS).await;
    let token = log_in(&service, &Value::Null).await.ok()["device_token"].clone();
    service.rotate_keys().await;
    // Past what its refresh tokens need.
    service.clock.advance(120 * 86_400);
    service.rotate_keys().await;
    guess(&service, EMAIL, STRANGER).await;
    log_in(&service, &token).await.ok();
}

#[tokio::test]
async fn a_limit_of_0_for_known_devices_counts_them_as_strangers() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "1"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "1"),
    ])
    .await;
    let token = token_of_a_locked_account(&service).await;
    log_in(&service, &token).await.refused(429, "rate_limited");
}
