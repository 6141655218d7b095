//! `POST /api/v1/auth/logout-all`.

use registry::logout_all;
use serde_json::json;
use tests::{Event, TestService};

#[tokio::test]
async fn logout_all_ends_every_session() {
    let service = TestService::new().await;
    service.create_user("other@example.com").await;
    let stranger = service.log_in_as("other@example.com", "phone").await;
    let logins = [
        service.log_in("a").await,
        service.log_in("b").await,
        service.log_in("c").await,
    ];
    let answer = service
        .send(
            &logout_all::OPERATION,
            Event::file("logout-all/all").bearer(&logins[0].access),
        )
        .await
        .ok();
    let expected = json!({"success": true, "message": "Successfully logged out from 3 sessions", "count": 3});
    assert_eq!(answer, expected);
    for login in &logins {
        service
            .refresh(&login.refresh)
            .await
            .refused(401, "session_revoked");
        assert_eq!(
            service.session_item(&login.session).await["revoked_reason"],
            "logout_all"
        );
    }
    service.list(&stranger.access).await.ok();
    assert_eq!(
        service
            .events()
            .await
            .iter()
            .filter(|name| *name == "sessions_revoked")
            .count(),
        3
    );
}

#[tokio::test]
async fn except_current_keeps_this_one() {
    let service = TestService::new().await;
    let (own, other) = (service.log_in("a").await, service.log_in("b").await);
    let event = Event::file("logout-all/except-current").bearer(&own.access);
    assert_eq!(
        service.send(&logout_all::OPERATION, event.clone()).await.ok()["count"],
        1
    );
    assert_eq!(service.send(&logout_all::OPERATION, event).await.ok()["count"], 0);
    service.list(&own.access).await.ok();
    service.list(&other.access).await.refused(401, "session_revoked");
}

#[tokio::test]
async fn more_sessions_than_one_transaction_holds_end_too() {
    let service = TestService::with(&[("MAX_SESSIONS_PER_USER", "1000")]).await;
    let mut last = service.log_in("device-0").await;
    for number in 1..90 {
        last = service.log_in(&format!("device-{number}")).await;
    }
    let event = Event::file("logout-all/except-current").bearer(&last.access);
    assert_eq!(
        service.send(&logout_all::OPERATION, event).await.ok()["count"],
        89
    );
    assert_eq!(service.list(&last.access).await.ok()["total"], 1);
}

#[tokio::test]
async fn a_flag_that_is_none_is_named() {
    let service = TestService::new().await;
    let own = service.log_in("a").await;
    let event = Event::file("logout-all/all")
        .bearer(&own.access)
        .json(&json!({"except_current": "yes"}));
    service
        .send(&logout_all::OPERATION, event)
        .await
        .refused_field("except_current");
}
