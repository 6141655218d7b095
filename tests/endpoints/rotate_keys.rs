//! Rotating the signing keys step by step, as Secrets Manager requests.

use registry::rotate_keys::{Command, RotationError, Step};
use registry::{jwks, login, rotate_keys};
use serde_json::{Value, json};
use shared::{
    auth::SigningKeys,
    domain::{key_set::Purpose, tokens::DEVICE_TOKEN_SECONDS},
};
use testkit::{Fault, FaultDuration, FaultyHttpClient, Injection};
use tests::{Event, KeysSecret, STEPS, TestService, claims, forge};

async fn kids(service: &TestService) -> Vec<String> {
    let answer = service.send(&jwks::PUBLIC_KEYS, Event::file("jwks/jwks")).await;
    let body = answer.ok();
    let keys = body["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Asserts that `before` was rotated: the next key signs, a new one is published, the old one is retired.
async fn is_rotated(secret: &KeysSecret, service: &TestService, before: &SigningKeys) {
    let after = secret.keys().await;
    assert_eq!(after.current.public(), before.next.public());
    let published = service.state.store.key_set().await.unwrap().unwrap();
    assert!(published.signs(&after.current.public().kid) && published.signs(&after.next.public().kid));
    let old = &before.current.public().kid;
    assert!(!published.signs(old), "the old key is retired");
    let found = |purpose| published.find(old, purpose, service.clock.now()).is_some();
    assert!(
        found(Purpose::Access) && found(Purpose::Refresh),
        "but it verifies"
    );
    assert_eq!(secret.labelled("AWSPENDING").await, None);
}

#[tokio::test]
async fn the_first_rotation_makes_the_keys() {
    let secret = KeysSecret::start().await;
    let service = TestService::with(&[("SIGNING_KEYS_SECRET_ID", &secret.arn)]).await;
    service.unpublish_keys().await;
    let fresh = service.instance(secret.source()).await;
    let refused = fresh.send(&login::OPERATION, Event::file("login/json")).await;
    refused.refused(503, "unavailable");
    assert_eq!(refused.headers["retry-after"], "1");

    let rotation = secret.rotation(&service, &FaultyHttpClient::default());
    secret.rotate(&rotation).await;
    service.clock.advance(1);
    let login = fresh.log_in("phone").await;
    fresh.list(&login.access).await.ok();
    fresh.refresh(&login.refresh).await.ok();
    let keys = secret.keys().await;
    assert_eq!(
        kids(&fresh).await,
        [&keys.current.public().kid, &keys.next.public().kid].map(String::clone)
    );
}

#[tokio::test]
async fn a_rotation_makes_the_next_key_current_and_keeps_the_old_one_for_its_tokens() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    let before = service.log_in("phone").await;
    secret.rotate(&rotation).await;
    is_rotated(&secret, &service, &service.keys).await;
    let fresh = service.instance(secret.source()).await;
    fresh.list(&before.access).await.ok();
    fresh.refresh(&before.refresh).await.ok();
}

#[tokio::test]
async fn every_step_can_be_repeated() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    let token = secret.begin().await;
    for step in STEPS {
        secret.step(&rotation, step, &token).await.unwrap();
        let once = service.state.store.published_keys().await.unwrap();
        service.clock.advance(1);
        for _ in 0..2 {
            secret.step(&rotation, step, &token).await.unwrap();
        }
        assert_eq!(
            service.state.store.published_keys().await.unwrap(),
            once,
            "{step:?}"
        );
    }
    is_rotated(&secret, &service, &service.keys).await;
}

/// A connection on which call number `call` (from 0) fails, before or after reaching the service.
pub fn failing_at(call: usize, is_answer_lost: bool) -> FaultyHttpClient {
    let connection = FaultyHttpClient::default();
    connection.inject(Injection {
        fault: if is_answer_lost {
            Fault::AnswerAbandoned
        } else {
            Fault::Abandoned
        },
        at: call,
        lasting: FaultDuration::Attempt,
    });
    connection
}

/// Each call of each step fails once, before and after reaching the service; then the step is retried.
#[tokio::test]
async fn a_step_that_was_cut_short_anywhere_is_completed_by_its_repeat() {
    let (secret, service, healthy) = KeysSecret::in_use().await;
    let mut cut_short = 0;
    for is_answer_lost in [false, true] {
        for call in 0.. {
            let before = secret.keys().await;
            let faulty = failing_at(call, is_answer_lost);
            let failing = secret.rotation(&service, &faulty);
            let token = secret.begin().await;
            for step in STEPS {
                if secret.step(&failing, step, &token).await.is_err() {
                    assert!(faulty.has_failed());
                    cut_short += 1;
                    secret.step(&healthy, step, &token).await.unwrap();
                }
            }
            is_rotated(&secret, &service, &before).await;
            service.clock.advance(1);
            if !faulty.has_failed() {
                break;
            }
        }
    }
    assert!(cut_short >= 30, "{cut_short} steps were cut short");
}

#[tokio::test]
async fn a_step_that_runs_twice_at_once_is_done_once() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    for _ in 0..3 {
        let before = secret.keys().await;
        let token = secret.begin().await;
        for step in STEPS {
            let (one, other) = tokio::join!(
                secret.step(&rotation, step, &token),
                secret.step(&rotation, step, &token)
            );
            one.unwrap();
            other.unwrap();
        }
        is_rotated(&secret, &service, &before).await;
        service.clock.advance(1);
    }
}

#[tokio::test]
async fn of_two_rotations_the_one_that_lost_its_label_changes_nothing_more() {
    for overtaken_after in 0..3 {
        let (secret, service, rotation) = KeysSecret::in_use().await;
        let loser = secret.begin().await;
        for &step in &STEPS[..=overtaken_after] {
            secret.step(&rotation, step, &loser).await.unwrap();
        }
        secret.rotate(&rotation).await;
        let published = service.state.store.published_keys().await.unwrap();
        for step in STEPS {
            let outcome = secret.step(&rotation, step, &loser).await;
            assert!(
                matches!(outcome, Err(RotationError::NotPending(_))),
                "{outcome:?}"
            );
        }
        assert_eq!(service.state.store.published_keys().await.unwrap(), published);
        is_rotated(&secret, &service, &service.keys).await;
    }
}

#[tokio::test]
async fn a_retired_key_verifies_until_its_time_and_is_dropped_by_a_later_rotation() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    let login = service.log_in("phone").await;
    let old = service.keys.current.clone();
    let kid = &old.public().kid;
    secret.rotate(&rotation).await;

    // Tokens that outlive the service's limits, so that only the key's retirement can end them.
    let mut access = claims(&login.access);
    access["exp"] = json!(4_000_080_000_u64);
    let access = forge(&old, kid, "at+jwt", &access);
    let lifetime = service.state.config.tokens.access_token_seconds;
    let fresh = service.instance(secret.source()).await;
    service.clock.advance(lifetime + 119);
    fresh.list(&access).await.ok();
    service.clock.advance(1);
    fresh.list(&access).await.refused(401, "invalid_token");
    assert!(!kids(&fresh).await.contains(kid), "the public document hides it");
    fresh.refresh(&login.refresh).await.ok();

    secret.rotate(&rotation).await;
    let published = || async { service.state.store.key_set().await.unwrap().unwrap() };
    assert!(
        published().await.kids().any(|published| published == kid),
        "its refresh tokens still work"
    );
    service
        .clock
        .advance(service.state.config.session_absolute_seconds);
    secret.rotate(&rotation).await;
    let set = published().await;
    let now = service.clock.now();
    assert!(
        set.find(kid, Purpose::Refresh, now).is_none() && set.find(kid, Purpose::Device, now).is_some(),
        "now they have all expired, and only its device tokens have not"
    );
    service.clock.advance(DEVICE_TOKEN_SECONDS);
    secret.rotate(&rotation).await;
    assert!(
        !published().await.kids().any(|published| published == kid),
        "now these have expired, too"
    );
    let mut refresh = claims(&login.refresh);
    refresh["exp"] = json!(service.clock.now().seconds().0 + 1000);
    let refresh = forge(&old, kid, "rt+jwt", &refresh);
    fresh.refresh(&refresh).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn what_is_no_key_is_never_written_over() {
    let (secret, _world, rotation) = KeysSecret::in_use().await;
    for text in ["hunter2", "{\"current\": \"AAAA\", \"next\": \"AAAA\"}"] {
        secret.put(text).await;
        let current = secret.labelled("AWSCURRENT").await;
        let token = secret.begin().await;
        let error = secret
            .step(&rotation, Step::CreateSecret, &token)
            .await
            .unwrap_err();
        assert!(matches!(error, RotationError::Unreadable { .. }), "{error:?}");
        let message = shared::domain::error::report(&error);
        assert!(
            !message.contains("hunter2") && !message.contains("AAAA"),
            "{message}"
        );
        assert_eq!(secret.labelled("AWSCURRENT").await, current);
        let error = secret
            .step(&rotation, Step::FinishSecret, &token)
            .await
            .unwrap_err();
        assert!(matches!(error, RotationError::NoValue(_)), "{error:?}");
    }
}

#[tokio::test]
async fn keys_that_are_not_published_never_become_current() {
    let (secret, _world, rotation) = KeysSecret::in_use().await;
    let token = secret.begin().await;
    secret.step(&rotation, Step::CreateSecret, &token).await.unwrap();
    for step in [Step::TestSecret, Step::FinishSecret] {
        let error = secret.step(&rotation, step, &token).await.unwrap_err();
        assert!(matches!(error, RotationError::NotPublished(_)), "{error:?}");
    }
    assert_ne!(secret.labelled("AWSCURRENT").await, Some(token));
}

#[tokio::test]
async fn a_rotation_that_does_not_follow_the_present_keys_is_void_and_makes_room_for_another() {
    let (secret, _world, rotation) = KeysSecret::in_use().await;
    let token = secret.begin().await;
    secret.step(&rotation, Step::CreateSecret, &token).await.unwrap();
    let others = SigningKeys::generate(0).unwrap();
    secret.put(&others.to_json()).await;
    let error = secret.step(&rotation, Step::SetSecret, &token).await.unwrap_err();
    assert!(matches!(error, RotationError::Void(_)), "{error:?}");
    secret.rotate(&rotation).await;
    assert_eq!(secret.keys().await.current.public(), others.next.public());
}

#[tokio::test]
async fn only_its_own_secret_is_rotated_and_only_while_rotation_is_enabled() {
    let (secret, _world, rotation) = KeysSecret::in_use().await;
    let current = secret.labelled("AWSCURRENT").await.unwrap();
    let error = secret
        .step(&rotation, Step::CreateSecret, &current)
        .await
        .unwrap_err();
    assert!(matches!(error, RotationError::Disabled(_)), "{error:?}");
    let event = json!({ "Step": "createSecret", "SecretId": "another", "ClientRequestToken": current });
    let error = rotate_keys::handle(&rotation, event).await.unwrap_err();
    assert!(matches!(error, RotationError::OtherSecret { .. }), "{error:?}");
}

#[test]
fn the_sample_events_are_the_commands() {
    let read = |name: &str| {
        let path = format!("{}/../events/rotate-keys/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        Command::parse(event).unwrap()
    };
    let names = ["create-secret", "set-secret", "test-secret", "finish-secret"];
    for (name, expected) in names.into_iter().zip(STEPS) {
        assert!(
            matches!(read(name), Command::Step { step, .. } if step == expected),
            "{name}"
        );
    }
    assert_eq!(read("emergency"), Command::Emergency);
}
