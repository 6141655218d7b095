//! How the signing functions keep their private keys up to date.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use registry::login;
use serde_json::Value;
use shared::auth::{SigningKeySource, SigningKeys};
use tests::{Event, TestService};

/// Another instance of the functions, and the folder with its key file.
async fn instance(service: &TestService) -> (TestService, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, service.keys.to_json()).unwrap();
    (service.instance(SigningKeySource::File(file)).await, folder)
}

fn write(folder: &tempfile::TempDir, keys: &SigningKeys) {
    fs::write(folder.path().join("keys.json"), keys.to_json()).unwrap();
}

fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_key_is_noticed_within_five_minutes() {
    let service = TestService::new().await;
    let (instance, folder) = instance(&service).await;
    let after = service.keys.successor().unwrap();
    let both = service.keys.public().and(&after.public());
    service.state.store.publish_key_set(&both).await.unwrap();
    write(&folder, &after);
    let login = instance.log_in("phone").await;
    assert_eq!(kid(&login.access), service.keys.current.public().kid);
    service.clock.advance(300);
    let refreshed = instance.refresh(&login.refresh).await.ok();
    let access = refreshed["access_token"].as_str().unwrap();
    assert_eq!(kid(access), after.current.public().kid);
}

#[tokio::test]
async fn keys_that_cannot_be_read_again_are_kept() {
    let service = TestService::new().await;
    let (instance, folder) = instance(&service).await;
    fs::remove_file(folder.path().join("keys.json")).unwrap();
    service.clock.advance(301);
    let login = instance.log_in("phone").await;
    instance.refresh(&login.refresh).await.ok();
    fs::write(folder.path().join("keys.json"), "half a file").unwrap();
    service.clock.advance(301);
    instance.log_in("phone").await;
}

/// The function cannot read the rotated keys, but holds the next key, which signs now according to the set.
#[tokio::test]
async fn the_next_key_signs_once_the_set_retires_the_current_one() {
    let service = TestService::new().await;
    let (instance, folder) = instance(&service).await;
    fs::remove_file(folder.path().join("keys.json")).unwrap();
    let retired = service.retired_at(service.clock.now());
    let active = vec![service.keys.next.public().clone()];
    let set = service
        .keys
        .public()
        .succeeded_by(active, retired, service.clock.now());
    service.state.store.publish_key_set(&set).await.unwrap();
    let login = instance.log_in("phone").await;
    assert_eq!(kid(&login.access), service.keys.next.public().kid);
}

#[tokio::test]
async fn without_a_key_that_may_sign_nothing_is_begun() {
    let service = TestService::new().await;
    let (instance, folder) = instance(&service).await;
    let login = instance.log_in("phone").await;
    let others = SigningKeys::generate(0).unwrap();
    // They verify tokens but sign no new ones.
    let retired = service.retired_at(service.clock.now());
    let active = vec![others.current.public().clone()];
    let set = service
        .keys
        .public()
        .succeeded_by(active, retired, service.clock.now());
    service.state.store.publish_key_set(&set).await.unwrap();
    service.clock.advance(61);
    instance.list(&login.access).await.ok();
    let before = service.items().await;
    let refused = instance.send(&login::OPERATION, Event::file("login/json")).await;
    refused.refused(503, "unavailable");
    service.clock.advance(1);
    instance.refresh(&login.refresh).await.refused(503, "unavailable");
    assert_eq!(service.items().await, before, "nothing was written");

    write(&folder, &others);
    service.clock.advance(1);
    let refreshed = instance.refresh(&login.refresh).await.ok();
    let access = refreshed["access_token"].as_str().unwrap();
    assert_eq!(kid(access), others.current.public().kid);
}

#[tokio::test]
async fn a_function_starts_without_keys_and_finds_them_later() {
    let service = TestService::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file: &Path = &folder.path().join("keys.json");
    let instance = service.instance(SigningKeySource::File(file.to_owned())).await;
    service.clock.advance(1);
    let login = || instance.send(&login::OPERATION, Event::file("login/json"));
    login().await.refused(503, "unavailable");
    write(&folder, &service.keys);
    login().await.ok();
}

/// Of two requests at once, one reads the keys and the other waits for them.
#[tokio::test]
async fn requests_at_once_find_the_new_keys_together() {
    let service = TestService::new().await;
    let (instance, folder) = instance(&service).await;
    let others = SigningKeys::generate(0).unwrap();
    let both = others.public().and(&service.keys.public());
    let retired = service.retired_at(service.clock.now());
    let active = vec![others.current.public().clone(), others.next.public().clone()];
    let set = both.succeeded_by(active, retired, service.clock.now());
    service.state.store.publish_key_set(&set).await.unwrap();
    write(&folder, &others);
    let log_in = || instance.send(&login::OPERATION, Event::file("login/json"));
    for answer in join_all((0..8).map(|_| log_in())).await {
        let access = answer.ok()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(kid(&access), others.current.public().kid);
    }
}
