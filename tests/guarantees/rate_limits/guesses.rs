//! Guessing passwords.

use futures_util::future::join_all;
use registry::login;
use tests::{EMAIL, PASSWORD, TestService};

use super::{STRANGER, attempt, count, counters, guess};

#[tokio::test]
async fn a_login_is_told_what_is_left_of_all_but_others_guesses() {
    let limits = [
        ("RATE_LIMIT_LOGIN_IP", "60"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "6"),
    ];
    let service = TestService::with(&limits).await;
    let policy = "\"login\";q=60;w=60, \"guesses\";q=5;w=60, \"guesses-everywhere\";q=6;w=60";
    let wrong = guess(&service, EMAIL, STRANGER).await;
    wrong.refused(401, "invalid_credentials");
    assert_eq!(wrong.headers["ratelimit-policy"], policy);
    assert_eq!(
        wrong.headers["ratelimit"],
        "\"login\";r=59;t=20, \"guesses\";r=4;t=20"
    );
    let right = service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, STRANGER))
        .await;
    assert_eq!(
        right.headers["ratelimit"],
        "\"login\";r=58;t=20, \"guesses\";r=4;t=20"
    );
    for number in 0..5 {
        guess(&service, EMAIL, &format!("192.0.2.{number}")).await;
    }
    let refused = guess(&service, EMAIL, "192.0.2.77").await;
    refused.refused(429, "rate_limited");
    assert_eq!(
        refused.headers["ratelimit"],
        "\"login\";r=59;t=20, \"guesses\";r=5;t=20, \"guesses-everywhere\";r=0;t=20"
    );
}

#[tokio::test]
async fn five_wrong_passwords_from_one_place_end_guessing_there_for_known_and_unknown_alike() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
    ])
    .await;
    let mut told = Vec::new();
    for email in [EMAIL, "nobody@example.com"] {
        let mut answers = Vec::new();
        service.calls.take();
        let before = service.items().await.len();
        for _ in 0..7 {
            answers.push(guess(&service, email, STRANGER).await);
        }
        let mut calls: Vec<_> = service
            .calls
            .take()
            .into_iter()
            .map(|call| call.operation)
            .collect();
        calls.sort();
        for answer in &answers[..5] {
            answer.refused(401, "invalid_credentials");
        }
        for answer in &answers[5..] {
            answer.refused(429, "rate_limited");
        }
        let answers: Vec<_> = answers
            .into_iter()
            .map(|answer| (answer.status, answer.headers, answer.body))
            .collect();
        told.push((answers, calls, service.items().await.len() - before));
        // Another spelling of the same email.
        guess(&service, &email.to_uppercase(), STRANGER)
            .await
            .refused(429, "rate_limited");
    }
    assert_eq!(told[0], told[1], "answers, requests to the table, items written");

    service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, STRANGER))
        .await
        .refused(429, "rate_limited");
    service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, "203.0.113.7"))
        .await
        .ok();
    service.clock.advance(60);
    service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, STRANGER))
        .await
        .ok();
    let counters = counters(&service).await;
    assert!(
        !counters
            .iter()
            .any(|counter| counter.to_string().contains('@') || counter.to_string().contains("nobody"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_guesses_at_once_from_100_addresses_30_are_compared() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
    ])
    .await;
    for email in [EMAIL, "nobody@example.com"] {
        let addresses: Vec<_> = (0..100).map(|number| format!("192.0.2.{number}")).collect();
        let answers = join_all(addresses.iter().map(|from| guess(&service, email, from))).await;
        assert_eq!((count(&answers, 401), count(&answers, 429)), (30, 70));
    }
    let refused = service
        .events()
        .await
        .into_iter()
        .filter(|event| event == "login_failed")
        .count();
    assert_eq!(refused, 60, "compared guesses are recorded, and only they");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_leaves_one_refused_login_a_minute_in_the_trail_of_known_and_unknown_alike() {
    let service = TestService::new().await;
    let failures = async || {
        let events = service.events().await.into_iter();
        events.filter(|event| event == "login_failed").count()
    };
    for email in [EMAIL, "nobody@example.com"] {
        let before = failures().await;
        service.calls.take();
        join_all((0..10).map(|_| guess(&service, email, STRANGER))).await;
        let puts = service.calls.take().into_iter();
        assert_eq!(puts.filter(|call| call.operation == "PutItem").count(), 10);
        assert_eq!(failures().await, before + 1, "the first");
        service
            .send(&login::OPERATION, attempt(EMAIL, PASSWORD, STRANGER))
            .await
            .ok();
        guess(&service, email, STRANGER).await;
        assert_eq!(failures().await, before + 1, "also after a success");
        guess(&service, email, "203.0.113.7").await;
        assert_eq!(failures().await, before + 2, "another source");
        service.clock.advance(60);
        guess(&service, email, STRANGER).await;
        assert_eq!(failures().await, before + 3, "another minute");
    }
}

#[tokio::test]
async fn a_home_of_ipv6_is_one_guesser() {
    let limits = [
        ("RATE_LIMIT_LOGIN_IP", "60"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
    ];
    let service = TestService::with(&limits).await;
    let mut answers = Vec::new();
    for subnet in 0..30 {
        answers.push(guess(&service, EMAIL, &format!("2001:db8:1:{subnet:x}::1")).await);
    }
    assert_eq!((count(&answers, 401), count(&answers, 429)), (5, 25));
    service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, "2001:db8:2::1"))
        .await
        .ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_at_one_address_does_not_lock_the_owner_out() {
    let service = TestService::with(&[
        // Above the flood: requests over it are refunded their guess, so fewer than five would be compared.
        ("RATE_LIMIT_LOGIN_IP", "200"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "6"),
    ])
    .await;
    let flood = async {
        let answers = join_all((0..200).map(|_| guess(&service, EMAIL, STRANGER))).await;
        assert_eq!(count(&answers, 401), 5);
        assert_eq!(count(&answers, 429), 195);
    };
    let owner = async {
        for _ in 0..20 {
            service
                .send(&login::OPERATION, attempt(EMAIL, PASSWORD, "203.0.113.7"))
                .await
                .ok();
        }
    };
    tokio::join!(flood, owner);
}

#[tokio::test]
async fn a_right_password_gives_its_guess_back_and_a_refused_login_does_not() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "3"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "3"),
    ])
    .await;
    for _ in 0..2 {
        guess(&service, EMAIL, STRANGER)
            .await
            .refused(401, "invalid_credentials");
    }
    for _ in 0..10 {
        service
            .send(&login::OPERATION, attempt(EMAIL, PASSWORD, STRANGER))
            .await
            .ok();
    }
    let credential = service
        .items()
        .await
        .into_iter()
        .find(|item| item["sk"] == "CREDENTIAL")
        .unwrap();
    let inactive = aws_sdk_dynamodb::types::AttributeValue::Bool(false);
    service.tamper(&credential, "is_active", inactive).await;
    let last = service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, STRANGER))
        .await;
    last.refused(401, "account_inactive");
    service
        .send(&login::OPERATION, attempt(EMAIL, PASSWORD, STRANGER))
        .await
        .refused(429, "rate_limited");
}

#[tokio::test]
async fn a_login_over_the_limit_of_its_address_keeps_no_guess() {
    let service = TestService::with(&[("RATE_LIMIT_LOGIN_IP", "2"), ("RATE_LIMIT_LOGIN_ACCOUNT", "3")]).await;
    for _ in 0..2 {
        guess(&service, EMAIL, STRANGER)
            .await
            .refused(401, "invalid_credentials");
    }
    let before = service.items().await;
    for _ in 0..5 {
        guess(&service, EMAIL, STRANGER)
            .await
            .refused(429, "rate_limited");
    }
    assert_eq!(
        service.items().await,
        before,
        "a request over its limit changes nothing"
    );
    guess(&service, EMAIL, "203.0.113.7")
        .await
        .refused(401, "invalid_credentials");
}

#[tokio::test]
async fn without_a_limit_for_all_each_address_is_counted_in_an_item_of_its_own() {
    let service = TestService::with(&[("RATE_LIMIT_LOGIN_GUESSES", "2")]).await;
    for from in [STRANGER, "203.0.113.7"] {
        for _ in 0..2 {
            guess(&service, EMAIL, from)
                .await
                .refused(401, "invalid_credentials");
        }
        guess(&service, EMAIL, from).await.refused(429, "rate_limited");
    }
    let counted: Vec<_> = counters(&service)
        .await
        .iter()
        .map(|item| item["count"].clone())
        .collect();
    assert_eq!(counted, [2, 2]);
}
