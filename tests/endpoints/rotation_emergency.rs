//! Replacing the signing keys in an emergency.

use futures_util::future::join_all;
use registry::rotate_keys::{Rotation, RotationError, Step};
use registry::{jwks, rotate_keys};
use serde_json::{Value, json};
use shared::auth::SigningKeys;
use tests::{Event, KeysSecret, STEPS, TestService, recorded};

use crate::endpoints::rotate_keys::failing_at;

async fn replace_keys(rotation: &Rotation) -> Result<Value, RotationError> {
    recorded::by(
        "rotate-keys",
        rotate_keys::handle(rotation, json!({ "emergency": true })),
    )
    .await
}

/// Asserts that only the secret's keys are published.
async fn is_replaced(secret: &KeysSecret, service: &TestService) -> SigningKeys {
    let keys = secret.keys().await;
    assert_eq!(
        service.state.store.key_set().await.unwrap().unwrap(),
        keys.public()
    );
    assert_eq!(secret.labelled("AWSPENDING").await, None);
    keys
}

#[tokio::test]
async fn all_older_tokens_are_refused_within_a_minute_and_new_ones_accepted_within_ten_seconds() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    let oldest = service.log_in("tablet").await;
    secret.rotate(&rotation).await;
    let instances = join_all((0..3).map(|_| service.instance(secret.source()))).await;
    service.clock.advance(1);
    let old = instances[0].log_in("phone").await;
    for instance in &instances {
        instance.list(&old.access).await.ok();
        instance.list(&oldest.access).await.ok();
    }

    let answer = replace_keys(&rotation).await.unwrap();
    let keys = is_replaced(&secret, &service).await;
    assert_eq!(answer["current"], keys.current.public().kid.as_str());
    assert_eq!(answer["dropped"].as_array().unwrap().len(), 3);

    // Logins at once: on every instance the new key signs, so nobody gets a useless token.
    service.clock.advance(1);
    let mut new = Vec::new();
    for (number, instance) in instances.iter().enumerate() {
        new.push(instance.log_in(&format!("new {number}")).await);
    }
    service.clock.advance(9);
    for instance in &instances {
        for login in &new {
            instance.list(&login.access).await.ok();
        }
    }
    service.clock.advance(50);
    for instance in &instances {
        for login in [&old, &oldest] {
            instance.list(&login.access).await.refused(401, "invalid_token");
            instance
                .refresh(&login.refresh)
                .await
                .refused(401, "invalid_token");
        }
    }
    for login in &new {
        let refreshed = instances[0].refresh(&login.refresh).await.ok();
        let access = refreshed["access_token"].as_str().unwrap();
        instances[1].list(access).await.ok();
    }
    let jwks = instances[0]
        .send(&jwks::PUBLIC_KEYS, Event::file("jwks/jwks"))
        .await
        .ok();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_instance_whose_copies_are_old_signs_with_the_new_key_at_its_next_login() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    let instance = service.instance(secret.source()).await;
    instance.log_in("phone").await;
    service.clock.advance(30);
    replace_keys(&rotation).await.unwrap();
    let login = instance.log_in("phone").await;
    service
        .instance(secret.source())
        .await
        .list(&login.access)
        .await
        .ok();
}

#[tokio::test]
async fn a_rotation_that_was_under_way_is_void() {
    for done in 0..STEPS.len() {
        let (secret, service, rotation) = KeysSecret::in_use().await;
        let token = secret.begin().await;
        for &step in &STEPS[..done] {
            secret.step(&rotation, step, &token).await.unwrap();
        }
        replace_keys(&rotation).await.unwrap();
        for step in STEPS {
            let outcome = secret.step(&rotation, step, &token).await;
            assert!(
                matches!(outcome, Err(RotationError::NotPending(_))),
                "{outcome:?}"
            );
        }
        let keys = is_replaced(&secret, &service).await;
        secret.rotate(&rotation).await;
        assert_eq!(secret.keys().await.current.public(), keys.next.public());
    }
}

/// A step that reads before the emergency and writes after.
#[tokio::test]
async fn a_version_made_before_the_emergency_never_comes_back() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    let token = secret.begin().await;
    secret.step(&rotation, Step::CreateSecret, &token).await.unwrap();
    replace_keys(&rotation).await.unwrap();
    secret.label_pending(&token).await;
    for step in [Step::SetSecret, Step::FinishSecret] {
        secret.label_pending(&token).await;
        let outcome = secret.step(&rotation, step, &token).await;
        assert!(matches!(outcome, Err(RotationError::Void(_))), "{outcome:?}");
    }
    is_replaced(&secret, &service).await;
}

#[tokio::test]
async fn an_emergency_that_was_cut_short_anywhere_is_completed_by_its_repeat() {
    let (secret, service, healthy) = KeysSecret::in_use().await;
    let mut cut_short = 0;
    for is_answer_lost in [false, true] {
        for call in 0.. {
            let before = secret.keys().await.public();
            let faulty = failing_at(call, is_answer_lost);
            if replace_keys(&secret.rotation(&service, &faulty)).await.is_err() {
                cut_short += 1;
                // Logins still work: there is always a published key that signs.
                service.clock.advance(1);
                service
                    .instance(secret.source())
                    .await
                    .log_in(&format!("phone {call}"))
                    .await;
                replace_keys(&healthy).await.unwrap();
            }
            let after = is_replaced(&secret, &service).await.public();
            assert!(after.kids().all(|new| before.kids().all(|old| old != new)));
            if !faulty.has_failed() {
                break;
            }
        }
    }
    assert!(cut_short >= 12, "{cut_short} were cut short");
}

#[tokio::test]
async fn two_emergencies_at_once_end_with_the_keys_that_are_in_the_secret() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    for _ in 0..5 {
        let (one, other) = tokio::join!(replace_keys(&rotation), replace_keys(&rotation));
        one.unwrap();
        other.unwrap();
        is_replaced(&secret, &service).await;
    }
}

#[tokio::test]
async fn an_emergency_repairs_a_secret_that_cannot_be_read() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    secret.put("broken").await;
    replace_keys(&rotation).await.unwrap();
    is_replaced(&secret, &service).await;
}
