//! Rate limits: counted, reported and enforced.

mod addresses;
mod days;
mod devices;
mod guesses;

use futures_util::future::join_all;
use registry::{login, logout_all};
use serde_json::{Value, json};
use shared::http::{Access, SampleToken};
use tests::{Answer, EMAIL, Event, PASSWORD, SampleRequest, TestService};

const STRANGER: &str = "198.51.100.66";

fn attempt(email: &str, password: &str, from: &str) -> Event {
    let body = json!({"email": email, "password": password});
    Event::file("login/json").json(&body).source_ip(from)
}

async fn guess(service: &TestService, email: &str, from: &str) -> Answer {
    service
        .send(&login::OPERATION, attempt(email, "wrong password", from))
        .await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// The table's counters, without the parts that name windows.
async fn counters(service: &TestService) -> Vec<Value> {
    let items = service.items().await.into_iter();
    let is_counter = |item: &Value| item["sk"].as_str().unwrap().starts_with("RATE");
    items.filter(is_counter).collect()
}

/// A request of each operation that takes an access token within a limit.
fn limited() -> Vec<SampleRequest> {
    let mut samples = SampleRequest::first_with(SampleToken::AccessInHeader);
    samples.retain(|sample| matches!(sample.operation.route.access, Access::AccessToken { .. }));
    assert!(samples.len() >= 5);
    samples
}

fn is_limited(answer: &Answer) -> bool {
    answer.status == 429
}

#[tokio::test]
async fn a_signed_in_endpoint_lets_its_limit_through_and_no_more() {
    for sample in limited() {
        let [limit] = sample.operation.route.access.limits() else {
            panic!("an access token has one limit");
        };
        let (rule, operation) = (limit.name(), sample.operation);
        let service = TestService::with(&[(limit.variable(), "3")]).await;
        let login = service.log_in("phone").await;
        service
            .clock
            .set(shared::domain::clock::Millis(4_000_000_018_500));
        let event = sample.event(&login.access);
        for left in [2, 1, 0] {
            let answer = service.send(operation, event.clone()).await;
            assert_ne!(answer.status, 429, "{}", answer.body);
            assert_eq!(answer.headers["ratelimit-policy"], format!("\"{rule}\";q=3;w=60"));
            assert_eq!(answer.headers["ratelimit"], format!("\"{rule}\";r={left};t=2"));
            assert_eq!(answer.headers["retry-after"], Value::Null);
        }
        let before = service.items().await;
        let answer = service.send(operation, event.clone()).await;
        answer.refused(429, "rate_limited");
        assert_eq!(answer.headers["retry-after"], "2");
        assert_eq!(answer.headers["ratelimit"], format!("\"{rule}\";r=0;t=2"));
        assert_eq!(answer.headers["ratelimit-policy"], format!("\"{rule}\";q=3;w=60"));
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(
            service.items().await,
            before,
            "a request over its limit changes nothing"
        );

        service.clock.advance(1);
        service
            .send(operation, event.clone())
            .await
            .refused(429, "rate_limited");
        service.clock.advance(1);
        let answer = service.send(operation, event).await;
        assert_ne!(answer.status, 429, "the next window has begun");
        assert_eq!(answer.headers["ratelimit"], format!("\"{rule}\";r=2;t=60"));
    }
}

/// A thief's session must not keep the owner's from revoking it.
#[tokio::test]
async fn a_session_that_spends_its_limit_keeps_no_other_from_anything() {
    for sample in limited() {
        let rules = sample.operation.route.access.limits();
        let variables: Vec<_> = rules.iter().map(|rule| (rule.variable(), "2")).collect();
        let service = TestService::with(&variables).await;
        let (owner, thief) = (service.log_in("phone").await, service.log_in("thief").await);
        for _ in 0..2 {
            let answer = service.send(sample.operation, sample.event(&thief.access)).await;
            assert!(!is_limited(&answer), "{}", sample.file);
        }
        if service.list(&thief.access).await.status == 401 {
            continue; // a logout of all has ended it
        }
        let answer = service.send(sample.operation, sample.event(&thief.access)).await;
        answer.refused(429, "rate_limited");
        let answer = service.send(sample.operation, sample.event(&owner.access)).await;
        assert!(!is_limited(&answer), "{}: {}", sample.file, answer.body);
        service.revoke(&owner.access, &thief.session).await;
    }
}

#[tokio::test]
async fn a_thief_who_sends_rubbish_leaves_the_owner_all_revocations() {
    let service = TestService::with(&[("RATE_LIMIT_REVOKE", "1")]).await;
    let (owner, thief) = (service.log_in("phone").await, service.log_in("thief").await);
    for _ in 0..10 {
        let answer = service.revoke(&thief.access, "no-id").await;
        answer.refused_field("session_id");
    }
    service.revoke(&owner.access, &thief.session).await.ok();
}

/// Whatever makes a request's form wrong, it is refused before it is counted.
#[tokio::test]
async fn a_malformed_request_is_not_counted() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LIST", "30"),
        ("RATE_LIMIT_REVOKE", "10"),
        ("RATE_LIMIT_LOGOUT_ALL", "5"),
        ("RATE_LIMIT_CLEANUP", "5"),
        ("RATE_LIMIT_LOGIN_IP", "60"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
    ])
    .await;
    let login = service.log_in("phone").await;
    let before = counters(&service).await;
    let flag = Event::file("logout-all/all").json(&json!({"except_current": 1}));
    service
        .send(&logout_all::OPERATION, flag.bearer(&login.access))
        .await
        .refused_field("except_current");
    service
        .revoke(&login.access, "no-id")
        .await
        .refused_field("session_id");
    service
        .activity(&login.access, "limit=0")
        .await
        .refused_field("limit");
    service
        .activity(&login.access, "cursor=x")
        .await
        .refused_field("cursor");
    let event = Event::file("login/json").json(&json!({"email": EMAIL}));
    service
        .send(&login::OPERATION, event)
        .await
        .refused_field("password");
    assert_eq!(counters(&service).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_requests_at_once_exactly_the_limit_gets_through() {
    let service = TestService::with(&[("RATE_LIMIT_LIST", "10"), ("RATE_LIMIT_LOGIN_IP", "11")]).await;
    let login = service.log_in("phone").await;
    let answers = join_all((0..100).map(|_| service.list(&login.access))).await;
    assert_eq!((count(&answers, 200), count(&answers, 429)), (10, 90));
    let logins = (0..100)
        .map(|number| attempt(EMAIL, PASSWORD, "203.0.113.7").header("x-device-id", &number.to_string()));
    let answers = join_all(logins.map(|event| service.send(&login::OPERATION, event))).await;
    assert_eq!((count(&answers, 200), count(&answers, 429)), (10, 90));
}

#[tokio::test]
async fn counters_vanish_a_minute_after_their_window() {
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_IP", "60"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LIST", "30"),
    ])
    .await;
    let login = service.log_in("phone").await;
    service.list(&login.access).await.ok();
    let counters = counters(&service).await;
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
    let service = TestService::with(&[
        ("RATE_LIMIT_LOGIN_IP", "60"),
        ("RATE_LIMIT_LOGIN_GUESSES", "5"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
    ])
    .await;
    service.log_in("phone").await;
    let calls = service.calls.take();
    let is_counter = |key: &Option<String>| key.as_deref().is_some_and(|key| key.starts_with("RATE#"));
    let counting: Vec<_> = calls
        .iter()
        .filter(|call| call.accesses.iter().any(|access| is_counter(&access.leading_key)))
        .collect();
    assert_eq!(counting.len(), 3, "the address, the guess, the refunded guess");
    assert!(counting.iter().all(|call| call.operation == "UpdateItem"));
}

#[tokio::test]
async fn what_is_refused_unread_is_not_counted() {
    let service = TestService::with(&[("RATE_LIMIT_LIST", "1"), ("RATE_LIMIT_LOGIN_IP", "1")]).await;
    let login = service.log_in("phone").await;
    service.calls.take();
    let answer = service.list("garbage").await;
    answer.refused(401, "invalid_token");
    assert_eq!(answer.headers["ratelimit"], Value::Null);
    service
        .send(&login::OPERATION, Event::file("login/json").text("{"))
        .await
        .refused(400, "malformed_request");
    assert_eq!(service.calls.take(), []);
    service.list(&login.access).await.ok();
}

#[tokio::test]
async fn a_limit_of_0_is_none() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let answer = service.list(&login.access).await;
    assert_eq!(answer.headers["ratelimit"], Value::Null);
    assert_eq!(counters(&service).await, Vec::<Value>::new());
}
