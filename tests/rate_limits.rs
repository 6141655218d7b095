//! Rate limits and guesses.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{
    Answer, EMAIL, Event,
    Function::{self, Activity, Cleanup, List, Login, LogoutAll, Revoke},
    PASSWORD, World,
};

const STRANGER: &str = "198.51.100.66";

fn attempt(email: &str, password: &str, from: &str) -> Event {
    let body = json!({"email": email, "password": password});
    Event::file("login/json").json(&body).source_ip(from)
}

async fn guess(world: &World, email: &str, from: &str) -> Answer {
    world.send(Login, attempt(email, "wrong password", from)).await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// The counters of the table, without what names their windows.
async fn counters(world: &World) -> Vec<Value> {
    let items = world.items().await.into_iter();
    items.filter(|item| item["sk"] == "RATE").collect()
}

/// A request that a rule of its own limits, and the rule.
const LIMITED: [(Function, &str, &str, &str); 5] = [
    (List, "list/list", "RATE_LIMIT_LIST", "list"),
    (Activity, "activity/first-page", "RATE_LIMIT_LIST", "list"),
    (Revoke, "revoke/revoke", "RATE_LIMIT_REVOKE", "revoke"),
    (
        LogoutAll,
        "logout-all/except-current",
        "RATE_LIMIT_REVOKE",
        "revoke",
    ),
    (Cleanup, "cleanup/cleanup", "RATE_LIMIT_CLEANUP", "cleanup"),
];

#[tokio::test]
async fn a_signed_in_endpoint_lets_its_limit_through_and_no_more() {
    for (function, file, variable, rule) in LIMITED {
        let world = World::with(&[(variable, "3")]).await;
        let login = world.log_in("phone").await;
        world.clock.set(shared::clock::Millis(4_000_000_018_500));
        let event = Event::file(file).bearer(&login.access);
        for left in [2, 1, 0] {
            let answer = world.send(function, event.clone()).await;
            assert_ne!(answer.status, 429, "{}", answer.body);
            assert_eq!(answer.headers["ratelimit-policy"], format!("\"{rule}\";q=3;w=60"));
            assert_eq!(answer.headers["ratelimit"], format!("\"{rule}\";r={left};t=2"));
            assert_eq!(answer.headers["retry-after"], Value::Null);
        }
        let before = world.items().await;
        let answer = world.send(function, event.clone()).await;
        answer.refused(429, "rate_limited");
        assert_eq!(answer.headers["retry-after"], "2");
        assert_eq!(answer.headers["ratelimit"], format!("\"{rule}\";r=0;t=2"));
        assert_eq!(answer.headers["ratelimit-policy"], format!("\"{rule}\";q=3;w=60"));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(
            world.items().await,
            before,
            "a request over its limit changes nothing"
        );

        world.clock.advance(1);
        world
            .send(function, event.clone())
            .await
            .refused(429, "rate_limited");
        world.clock.advance(1);
        let answer = world.send(function, event).await;
        assert_ne!(answer.status, 429, "the next window has begun");
        assert_eq!(answer.headers["ratelimit"], format!("\"{rule}\";r=2;t=60"));
    }
}

#[tokio::test]
async fn revoke_and_logout_all_share_their_limit_and_accounts_do_not() {
    let world = World::with(&[("RATE_LIMIT_REVOKE", "2")]).await;
    world.create_user("other@example.com").await;
    let (login, other) = (
        world.log_in("phone").await,
        world.log_in_as("other@example.com", "phone").await,
    );
    let keep = Event::file("logout-all/except-current");
    world
        .send(LogoutAll, keep.clone().bearer(&login.access))
        .await
        .ok();
    world.revoke(&login.access, &login.session).await.ok();
    let again = world.log_in("phone").await;
    world
        .revoke(&again.access, &again.session)
        .await
        .refused(429, "rate_limited");
    world.send(LogoutAll, keep.bearer(&other.access)).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_requests_at_once_exactly_the_limit_gets_through() {
    let world = World::with(&[("RATE_LIMIT_LIST", "10"), ("RATE_LIMIT_LOGIN_IP", "11")]).await;
    let login = world.log_in("phone").await;
    let answers = join_all((0..100).map(|_| world.list(&login.access))).await;
    assert_eq!((count(&answers, 200), count(&answers, 429)), (10, 90));
    let logins = (0..100)
        .map(|number| attempt(EMAIL, PASSWORD, "203.0.113.7").header("x-device-id", &number.to_string()));
    let answers = join_all(logins.map(|event| world.send(Login, event))).await;
    assert_eq!((count(&answers, 200), count(&answers, 429)), (10, 90));
}

#[tokio::test]
async fn a_login_is_told_what_is_left_of_all_but_others_guesses() {
    let limits = [
        ("RATE_LIMIT_LOGIN_IP", "60"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "6"),
    ];
    let world = World::with(&limits).await;
    let policy = "\"login\";q=60;w=60, \"guesses\";q=5;w=60, \"guesses-everywhere\";q=6;w=60";
    let wrong = guess(&world, EMAIL, STRANGER).await;
    wrong.refused(401, "invalid_credentials");
    assert_eq!(wrong.headers["ratelimit-policy"], policy);
    assert_eq!(
        wrong.headers["ratelimit"],
        "\"login\";r=59;t=20, \"guesses\";r=4;t=20"
    );
    let right = world.send(Login, attempt(EMAIL, PASSWORD, STRANGER)).await;
    assert_eq!(
        right.headers["ratelimit"],
        "\"login\";r=58;t=20, \"guesses\";r=4;t=20"
    );
    for number in 0..5 {
        guess(&world, EMAIL, &format!("192.0.2.{number}")).await;
    }
    let refused = guess(&world, EMAIL, "192.0.2.77").await;
    refused.refused(429, "rate_limited");
    assert_eq!(
        refused.headers["ratelimit"],
        "\"login\";r=59;t=20, \"guesses\";r=5;t=20, \"guesses-everywhere\";r=0;t=20"
    );
}

#[tokio::test]
async fn five_wrong_passwords_from_one_place_end_guessing_there_for_known_and_unknown_alike() {
    let world = World::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
    ])
    .await;
    let mut told = Vec::new();
    for email in [EMAIL, "nobody@example.com"] {
        let mut answers = Vec::new();
        world.calls.take();
        let before = world.items().await.len();
        for _ in 0..7 {
            answers.push(guess(&world, email, STRANGER).await);
        }
        let mut calls: Vec<_> = world
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
        told.push((answers, calls, world.items().await.len() - before));
        // Another spelling of the address is the same address.
        guess(&world, &email.to_uppercase(), STRANGER)
            .await
            .refused(429, "rate_limited");
    }
    assert_eq!(
        told[0], told[1],
        "answers, requests to the table, and items written"
    );

    world
        .send(Login, attempt(EMAIL, PASSWORD, STRANGER))
        .await
        .refused(429, "rate_limited");
    world
        .send(Login, attempt(EMAIL, PASSWORD, "203.0.113.7"))
        .await
        .ok();
    world.clock.advance(60);
    world.send(Login, attempt(EMAIL, PASSWORD, STRANGER)).await.ok();
    let counters = counters(&world).await;
    assert!(
        !counters
            .iter()
            .any(|counter| counter.to_string().contains('@') || counter.to_string().contains("nobody"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_guesses_at_once_from_100_addresses_30_are_compared() {
    let world = World::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
    ])
    .await;
    for email in [EMAIL, "nobody@example.com"] {
        let addresses: Vec<_> = (0..100).map(|number| format!("192.0.2.{number}")).collect();
        let answers = join_all(addresses.iter().map(|from| guess(&world, email, from))).await;
        assert_eq!((count(&answers, 401), count(&answers, 429)), (30, 70));
    }
    let refused = world
        .events()
        .await
        .into_iter()
        .filter(|event| event == "login_failed")
        .count();
    assert_eq!(refused, 60, "only what was compared is recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_at_one_address_does_not_lock_the_owner_out() {
    let world = World::with(&[
        // Above the flood: a request over it gives its guess back, and then fewer than five would be compared.
        ("RATE_LIMIT_LOGIN_IP", "200"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "6"),
    ])
    .await;
    let flood = async {
        let answers = join_all((0..200).map(|_| guess(&world, EMAIL, STRANGER))).await;
        assert_eq!(count(&answers, 401), 5);
        assert_eq!(count(&answers, 429), 195);
    };
    let owner = async {
        for _ in 0..20 {
            world
                .send(Login, attempt(EMAIL, PASSWORD, "203.0.113.7"))
                .await
                .ok();
        }
    };
    tokio::join!(flood, owner);
}

#[tokio::test]
async fn a_right_password_gives_its_guess_back_and_a_refused_login_does_not() {
    let world = World::with(&[
        ("RATE_LIMIT_LOGIN_GUESSES", "3"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "3"),
    ])
    .await;
    for _ in 0..2 {
        guess(&world, EMAIL, STRANGER)
            .await
            .refused(401, "invalid_credentials");
    }
    for _ in 0..10 {
        world.send(Login, attempt(EMAIL, PASSWORD, STRANGER)).await.ok();
    }
    let credential = world
        .items()
        .await
        .into_iter()
        .find(|item| item["sk"] == "CREDENTIAL")
        .unwrap();
    let inactive = aws_sdk_dynamodb::types::AttributeValue::Bool(false);
    world.tamper(&credential, "is_active", inactive).await;
    let last = world.send(Login, attempt(EMAIL, PASSWORD, STRANGER)).await;
    last.refused(401, "account_inactive");
    world
        .send(Login, attempt(EMAIL, PASSWORD, STRANGER))
        .await
        .refused(429, "rate_limited");
}

#[tokio::test]
async fn a_login_over_the_limit_of_its_address_keeps_no_guess() {
    let world = World::with(&[("RATE_LIMIT_LOGIN_IP", "2"), ("RATE_LIMIT_LOGIN_ACCOUNT", "3")]).await;
    for _ in 0..2 {
        guess(&world, EMAIL, STRANGER)
            .await
            .refused(401, "invalid_credentials");
    }
    let before = world.items().await;
    for _ in 0..5 {
        guess(&world, EMAIL, STRANGER).await.refused(429, "rate_limited");
    }
    assert_eq!(
        world.items().await,
        before,
        "a request over its limit changes nothing"
    );
    guess(&world, EMAIL, "203.0.113.7")
        .await
        .refused(401, "invalid_credentials");
}

#[tokio::test]
async fn only_the_requests_context_tells_the_address() {
    let world = World::with(&[("RATE_LIMIT_LOGIN_IP", "4")]).await;
    let forged = |number: usize| {
        let address = format!("192.0.2.{number}");
        attempt(EMAIL, PASSWORD, STRANGER)
            .header("x-forwarded-for", &address)
            .header("forwarded", &format!("for={address}"))
            .header("x-real-ip", &address)
            .header("true-client-ip", &address)
            .header("cloudfront-viewer-address", &format!("{address}:443"))
            .header("cloudfront-viewer-country", "CH")
            .header("cloudfront-viewer-city", "Bern")
            .header("x-origin-verify", "")
    };
    for number in 0..4 {
        let body = world.send(Login, forged(number)).await.ok();
        let session = world.session_item(body["session_id"].as_str().unwrap()).await;
        assert_eq!(session["ip_address"], STRANGER);
        assert_eq!(
            (&session["location_city"], &session["location_country"]),
            (&Value::Null, &Value::Null)
        );
    }
    world.send(Login, forged(4)).await.refused(429, "rate_limited");
    assert!(
        !world
            .items()
            .await
            .iter()
            .any(|item| item.to_string().contains("192.0.2."))
    );
}

#[tokio::test]
async fn a_trusted_proxy_tells_the_address_and_one_with_another_secret_does_not() {
    let secret = "a secret of some length";
    let world = World::with(&[
        ("TRUSTED_PROXY", "cloudfront"),
        ("CLOUDFRONT_SECRET", secret),
        ("RATE_LIMIT_LOGIN_IP", "1"),
    ])
    .await;
    let through = |viewer: &str, given: &str| {
        let event = attempt(EMAIL, PASSWORD, STRANGER).header("cloudfront-viewer-address", viewer);
        event.header("x-origin-verify", given)
    };
    world.send(Login, through("192.0.2.1:443", secret)).await.ok();
    world.send(Login, through("192.0.2.2:443", secret)).await.ok();
    world
        .send(Login, through("192.0.2.2:444", secret))
        .await
        .refused(429, "rate_limited");
    for wrong in [
        "",
        "A secret of some length",
        "a secret of some length ",
        "a secret",
    ] {
        world.send(Login, through("192.0.2.3:443", wrong)).await;
    }
    let items = world.items().await;
    let of = |address: &str| items.iter().any(|item| item.to_string().contains(address));
    assert!(
        of("192.0.2.2") && of(STRANGER) && !of("192.0.2.3"),
        "the others came from the proxy's own address"
    );
}

#[tokio::test]
async fn ipv6_counts_by_its_64_and_a_mapped_address_as_its_ipv4() {
    let world = World::with(&[("RATE_LIMIT_LOGIN_IP", "2")]).await;
    let from = async |address: &str| world.send(Login, attempt(EMAIL, PASSWORD, address)).await;
    from("2001:db8:1:2::1").await.ok();
    from("2001:db8:1:2:ffff:ffff:ffff:ffff").await.ok();
    from("2001:db8:1:2::3").await.refused(429, "rate_limited");
    from("2001:db8:1:3::1").await.ok();
    from("203.0.113.9").await.ok();
    let mapped = from("::ffff:203.0.113.9").await.ok();
    from("203.0.113.9").await.refused(429, "rate_limited");
    let session = world.session_item(mapped["session_id"].as_str().unwrap()).await;
    assert_eq!(session["ip_address"], "203.0.113.9", "one client has one address");
}

#[tokio::test]
async fn a_request_without_an_address_is_counted_all_the_same() {
    let world = World::with(&[("RATE_LIMIT_LOGIN_IP", "1")]).await;
    world.send(Login, attempt(EMAIL, PASSWORD, "")).await.ok();
    world
        .send(Login, attempt(EMAIL, PASSWORD, "not an address"))
        .await
        .refused(429, "rate_limited");
}

#[tokio::test]
async fn counters_vanish_a_minute_after_their_window() {
    let world = World::with(&[
        ("RATE_LIMIT_LOGIN_IP", "60"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LIST", "30"),
    ])
    .await;
    let login = world.log_in("phone").await;
    world.list(&login.access).await.ok();
    let counters = counters(&world).await;
    assert_eq!(counters.len(), 3);
    for counter in counters {
        assert_eq!(counter["expires_at"], 4_000_000_020_i64 + 60);
        assert!(
            counter["pk"].as_str().unwrap().ends_with("#4000000020"),
            "{counter}"
        );
    }
}

#[tokio::test]
async fn counting_is_no_transaction_and_waits_for_nothing() {
    let world = World::with(&[
        ("RATE_LIMIT_LOGIN_IP", "60"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
    ])
    .await;
    world.log_in("phone").await;
    let calls = world.calls.take();
    let is_counter = |key: &Option<String>| key.as_deref().is_some_and(|key| key.starts_with("RATE#"));
    let counting: Vec<_> = calls
        .iter()
        .filter(|call| call.accesses.iter().any(|access| is_counter(&access.leading_key)))
        .collect();
    assert_eq!(counting.len(), 3, "the address, the guess, the guess given back");
    assert!(counting.iter().all(|call| call.operation == "UpdateItem"));
}

#[tokio::test]
async fn what_is_refused_unread_is_not_counted() {
    let world = World::with(&[("RATE_LIMIT_LIST", "1"), ("RATE_LIMIT_LOGIN_IP", "1")]).await;
    let login = world.log_in("phone").await;
    world.calls.take();
    let answer = world.list("garbage").await;
    answer.refused(401, "invalid_token");
    assert_eq!(answer.headers["ratelimit"], Value::Null);
    world
        .send(Login, Event::file("login/json").text("{"))
        .await
        .refused(400, "malformed_request");
    assert_eq!(world.calls.take(), []);
    world.list(&login.access).await.ok();
}

#[tokio::test]
async fn a_limit_of_0_is_none() {
    let world = World::new().await;
    let login = world.log_in("phone").await;
    let answer = world.list(&login.access).await;
    assert_eq!(answer.headers["ratelimit"], Value::Null);
    assert_eq!(counters(&world).await, Vec::<Value>::new());
}
