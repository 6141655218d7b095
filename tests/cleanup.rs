//! `DELETE /api/v1/sessions/me/expired`.

use registry::cleanup;
use tests::{Event, World};

#[tokio::test]
async fn cleanup_removes_what_has_expired_and_nothing_else() {
    let world = World::with(&[("REFRESH_IDLE_SECONDS", "600")]).await;
    world.create_user("other@example.com").await;
    world.log_in_as("other@example.com", "phone").await;
    let old = [world.log_in("a").await, world.log_in("b").await];
    world.clock.advance(300);
    let own = world.log_in("c").await;
    let ended = world.log_in("d").await;
    world.revoke(&own.access, &ended.session).await.ok();
    world.clock.advance(300);

    let event = Event::file("cleanup/cleanup").bearer(&own.access);
    let answer = world.send(&cleanup::OPERATION, event.clone()).await.ok();
    assert_eq!(answer["message"], "Cleaned up 2 expired sessions");
    let again = world.send(&cleanup::OPERATION, event).await.ok();
    assert_eq!(again["message"], "Cleaned up 0 expired sessions");

    let items = world.items().await;
    let left = items.iter().filter(|item| !item["refresh_jti"].is_null()).count();
    assert_eq!(left, 3, "the other account's, the caller's and the ended one");
    for login in &old {
        world
            .refresh(&login.refresh)
            .await
            .refused(401, "session_expired");
    }
    world.list(&own.access).await.ok();
}
