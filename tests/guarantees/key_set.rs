//! How long a function trusts its cached key set.

use shared::{auth::SigningKeys, domain::key_set::KeySet};
use tests::{TestService, claims, forge};

#[tokio::test]
async fn a_new_key_is_accepted_within_ten_seconds() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.list(&login.access).await.ok();
    let new = SigningKeys::generate(0).unwrap();
    service.state.store.publish_key_set(&new.public()).await.unwrap();
    let token = forge(
        &new.current,
        &new.current.public().kid,
        "at+jwt",
        &claims(&login.access),
    );
    service.clock.advance(9);
    service.list(&token).await.refused(401, "invalid_token");
    service.clock.advance(1);
    service.list(&token).await.ok();
}

#[tokio::test]
async fn a_dropped_key_is_refused_within_a_minute() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service.list(&login.access).await.ok();
    service
        .state
        .store
        .publish_key_set(&SigningKeys::generate(0).unwrap().public())
        .await
        .unwrap();
    service.clock.advance(59);
    service.list(&login.access).await.ok();
    service.clock.advance(1);
    service.list(&login.access).await.refused(401, "invalid_token");
    service
        .refresh(&login.refresh)
        .await
        .refused(401, "invalid_token");
}

#[tokio::test]
async fn an_empty_set_refuses_everybody() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    service
        .state
        .store
        .publish_key_set(&KeySet::default())
        .await
        .unwrap();
    service.clock.advance(61);
    service.list(&login.access).await.refused(401, "invalid_token");
}
