//! Guesses of a day.

use futures_util::future::join_all;
use registry::login;
use serde_json::{Value, json};
use shared::domain::{
    email::Email,
    rate::{Quotas, Source},
};
use tests::{Answer, EMAIL, PASSWORD, TestService};

use super::{STRANGER, attempt, count, counters, guess};

/// The values of the day's counters.
async fn of_the_day(service: &TestService) -> Vec<Value> {
    let counters = counters(service).await.into_iter();
    let of_day = |item: &Value| item["pk"].as_str().unwrap().starts_with("RATE#guesses-day#");
    counters
        .filter(of_day)
        .map(|item| item["count"].clone())
        .collect()
}

async fn log_in(service: &TestService, from: &str) -> Answer {
    service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, from))
        .await
}

#[tokio::test]
async fn of_a_hundred_guesses_from_one_address_the_day_takes_five() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
        ("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "100"),
    ])
    .await;
    let mut answers = Vec::new();
    for _ in 0..105 {
        answers.push(guess(&service, EMAIL, STRANGER).await);
    }
    assert_eq!((count(&answers, 401), count(&answers, 429)), (5, 100));
    assert_eq!(of_the_day(&service).await, [5]);
    for item in counters(&service).await {
        let kept_until = if item["count"] == 5 && item["pk"].as_str().unwrap().contains("-day#") {
            4_000_060_800_i64 + 60
        } else {
            4_000_000_020 + 60
        };
        assert_eq!(item["expires_at"], kept_until, "{item}");
    }
}

#[tokio::test]
async fn twenty_minutes_from_one_address_spend_a_day_of_strangers() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
        ("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "100"),
    ])
    .await;
    let phone = service.log_in("phone").await;
    for _ in 0..20 {
        for _ in 0..5 {
            guess(&service, EMAIL, STRANGER)
                .await
                .refused(401, "invalid_credentials");
        }
        service.clock.advance(60);
    }
    log_in(&service, "203.0.113.7").await.refused(429, "rate_limited");
    let refreshed = service.refresh(&phone.refresh).await.ok();
    service
        .list(refreshed["access_token"].as_str().unwrap())
        .await
        .ok();
}

#[tokio::test]
async fn a_spent_day_refuses_whatever_the_hash_said_for_known_and_unknown_alike() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "10"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
        ("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "3"),
    ])
    .await;
    let mut told = Vec::new();
    for email in [EMAIL, "nobody@example.com"] {
        service.calls.take();
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(guess(&service, email, STRANGER).await);
        }
        answers.push(
            service
                .send(&login::OPERATION, attempt(email, PASSWORD, STRANGER))
                .await,
        );
        for answer in &answers[..3] {
            answer.refused(401, "invalid_credentials");
        }
        assert_eq!(
            answers[0].headers["ratelimit-policy"],
            "\"guesses\";q=10;w=60, \"guesses-everywhere\";q=30;w=60, \"guesses-day\";q=3;w=86400"
        );
        assert_eq!(
            answers[1].headers["ratelimit"], "\"guesses\";r=8;t=20",
            "others' guesses do not show"
        );
        for (answer, left) in answers[3..].iter().zip([6, 5]) {
            answer.refused(429, "rate_limited");
            assert_eq!(answer.headers["retry-after"], "60800", "the rest of the day");
            assert_eq!(
                answer.headers["ratelimit"],
                format!("\"guesses\";r={left};t=20, \"guesses-day\";r=0;t=60800"),
                "the minute keeps a guess that was hashed"
            );
        }
        let answers = answers.into_iter();
        let answers: Vec<_> = answers
            .map(|answer| (answer.status, answer.headers, answer.body))
            .collect();
        let mut calls: Vec<_> = service
            .calls
            .take()
            .into_iter()
            .map(|call| call.operation)
            .collect();
        calls.sort();
        told.push((answers, calls));
    }
    assert_eq!(told[0], told[1], "answers and requests to the table");
    assert_eq!(of_the_day(&service).await, [3, 3]);
    service.clock.advance(60_799);
    log_in(&service, STRANGER).await.refused(429, "rate_limited");
    service.clock.advance(1);
    log_in(&service, STRANGER).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_guesses_at_once_the_days_limit_is_compared() {
    let service = TestService::with(&[("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "30")]).await;
    let addresses: Vec<_> = (0..100).map(|number| format!("192.0.2.{number}")).collect();
    let answers = join_all(addresses.iter().map(|from| guess(&service, EMAIL, from))).await;
    assert_eq!((count(&answers, 401), count(&answers, 429)), (30, 70));
}

#[tokio::test]
async fn the_guess_that_spends_a_day_tells_so_and_it_alone() {
    let service = TestService::with(&[("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "2")]).await;
    let (limiter, quotas) = (&service.state.limiter, Quotas::default());
    let (email, source) = (Email::parse(EMAIL).unwrap(), Source::of_guesses(None));
    let mut told = Vec::new();
    for _ in 0..4 {
        let mut guess = limiter.guess(&quotas, &email, &source, None).await.unwrap();
        let admission = limiter.guess_of_day(&quotas, &mut guess).await.unwrap();
        told.push((admission.allowed().is_ok(), guess.spends_the_day()));
    }
    assert_eq!(
        told,
        [(true, false), (true, true), (false, false), (false, false)]
    );
}

#[tokio::test]
async fn success_gives_the_days_guess_back_too() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "2"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "2"),
        ("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "2"),
    ])
    .await;
    guess(&service, EMAIL, STRANGER).await;
    for _ in 0..5 {
        log_in(&service, STRANGER).await.ok();
    }
    assert_eq!(of_the_day(&service).await, [1]);
}

#[tokio::test]
async fn a_new_password_removes_the_accounts_counters_and_no_others() {
    for everywhere in ["2", "0"] {
        let service = TestService::with(&[
            ("RATE_LIMIT_LOGIN_GUESSES", "2"),
            ("RATE_LIMIT_LOGIN_ACCOUNT", everywhere),
            ("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "2"),
            ("RATE_LIMIT_LOGIN_DEVICE", "1"),
        ])
        .await;
        let other = "nobody@example.com";
        let phone = log_in(&service, STRANGER).await.ok()["device_token"].clone();
        let known = async |password: &str| {
            let body = json!({"email": EMAIL, "password": password, "device_token": phone});
            let event = attempt(EMAIL, password, STRANGER).json(&body);
            service.send(&login::OPERATION, event).await
        };
        known("wrong password").await.refused(401, "invalid_credentials");
        known(PASSWORD).await.refused(429, "rate_limited");
        for email in [EMAIL, other] {
            guess(&service, email, STRANGER).await;
            guess(&service, email, STRANGER).await;
            guess(&service, email, STRANGER)
                .await
                .refused(429, "rate_limited");
        }
        let command = json!({"action": "set_password", "email": EMAIL, "password": PASSWORD});
        assert_eq!(service.admin(command).await["ok"], true);
        log_in(&service, STRANGER).await.ok();
        known(PASSWORD).await.ok();
        guess(&service, other, STRANGER)
            .await
            .refused(429, "rate_limited");
    }
}
