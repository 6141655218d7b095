//! `DELETE /api/v1/sessions/me/expired`.

use registry::cleanup;
use tests::{Event, TestService};

#[tokio::test]
async fn cleanup_removes_what_has_expired_and_nothing_else() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "600")]).await;
    service.create_user("other@example.com").await;
    service.log_in_as("other@example.com", "phone").await;
    let old = [service.log_in("a").await, service.log_in("b").await];
    service.clock.advance(300);
    let own = service.log_in("c").await;
    let ended = service.log_in("d").await;
    service.revoke(&own.access, &ended.session).await.ok();
    service.clock.advance(300);

    let event = Event::file("cleanup/cleanup").bearer(&own.access);
    let answer = service.send(&cleanup::OPERATION, event.clone()).await.ok();
    assert_eq!(answer["message"], "Cleaned up 2 expired sessions");
    let again = service.send(&cleanup::OPERATION, event).await.ok();
    assert_eq!(again["message"], "Cleaned up 0 expired sessions");

    let items = service.items().await;
    let left = items.iter().filter(|item| !item["refresh_jti"].is_null()).count();
    assert_eq!(left, 3, "the other account's, the caller's and the ended one");
    for login in &old {
        service
            .refresh(&login.refresh)
            .await
            .refused(401, "session_expired");
    }
    service.list(&own.access).await.ok();
}
