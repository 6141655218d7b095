//! How long a function believes its copy of the key set.

use shared::{auth::SigningKeys, domain::key_set::KeySet};
use tests::{World, claims, forge};

#[tokio::test]
async fn a_new_key_is_accepted_within_ten_seconds() {
    let world = World::new().await;
    let login = world.log_in("phone").await;
    world.list(&login.access).await.ok();
    let new = SigningKeys::generate(0).unwrap();
    world.state.store.publish_key_set(&new.public()).await.unwrap();
    let token = forge(
        &new.current,
        &new.current.public().kid,
        "at+jwt",
        &claims(&login.access),
    );
    world.clock.advance(9);
    world.list(&token).await.refused(401, "invalid_token");
    world.clock.advance(1);
    world.list(&token).await.ok();
}

#[tokio::test]
async fn a_dropped_key_is_refused_within_a_minute() {
    let world = World::new().await;
    let login = world.log_in("phone").await;
    world.list(&login.access).await.ok();
    world
        .state
        .store
        .publish_key_set(&SigningKeys::generate(0).unwrap().public())
        .await
        .unwrap();
    world.clock.advance(59);
    world.list(&login.access).await.ok();
    world.clock.advance(1);
    world.list(&login.access).await.refused(401, "invalid_token");
    world.refresh(&login.refresh).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn an_empty_set_refuses_everybody() {
    let world = World::new().await;
    let login = world.log_in("phone").await;
    world
        .state
        .store
        .publish_key_set(&KeySet::default())
        .await
        .unwrap();
    world.clock.advance(61);
    world.list(&login.access).await.refused(401, "invalid_token");
}
