//! `GET /api/v1/sessions/me`.

use serde_json::json;
use tests::TestService;

#[tokio::test]
async fn list_shows_the_active_sessions_last_used_first() {
    let service = TestService::new().await;
    let first = service.log_in("phone").await;
    service.clock.advance(10);
    let second = service.log_in("tablet").await;
    service.clock.advance(10);
    service.refresh(&first.refresh).await.ok();

    let body = service.list(&second.access).await.ok();
    assert_eq!(body["total"], 2);
    assert_eq!(
        body["sessions"][0],
        json!({
            "id": first.session, "device_name": "phone", "device_id": "phone", "ip_address": "203.0.113.7",
            "location_city": null, "location_country": null, "last_used_at": "2096-10-02T07:07:00Z",
            "created_at": "2096-10-02T07:06:40Z", "expires_at": "2096-10-09T07:07:00Z", "is_current": false,
        })
    );
    assert_eq!(body["sessions"][1]["id"], second.session.as_str());
    assert_eq!(body["sessions"][1]["is_current"], true);
}

#[tokio::test]
async fn list_shows_nothing_of_other_accounts() {
    let service = TestService::new().await;
    service.create_user("other@example.com").await;
    service.log_in_as("other@example.com", "phone").await;
    let own = service.log_in("tablet").await;
    let body = service.list(&own.access).await.ok();
    assert_eq!(
        (&body["total"], &body["sessions"][0]["id"]),
        (&json!(1), &json!(own.session))
    );
}

#[tokio::test]
async fn a_session_that_expired_but_is_still_in_the_table_is_gone() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "600")]).await;
    let old = service.log_in("phone").await;
    service.clock.advance(300);
    let own = service.log_in("tablet").await;
    service.clock.advance(299);
    assert_eq!(service.list(&own.access).await.ok()["total"], 2);
    service.clock.advance(1);
    assert_eq!(service.list(&own.access).await.ok()["total"], 1);
    assert!(service.session_item(&old.session).await["revoked_at"].is_null());
    service
        .refresh(&old.refresh)
        .await
        .refused(401, "session_expired");
    // By the clock of another machine it may still be active.
    service.revoke(&own.access, &old.session).await.ok();
}

#[tokio::test]
async fn an_access_token_ends_with_its_session_at_once() {
    let service = TestService::new().await;
    let (own, other) = (service.log_in("phone").await, service.log_in("tablet").await);
    service.revoke(&own.access, &other.session).await.ok();
    service.list(&other.access).await.refused(401, "session_revoked");
}

#[tokio::test]
async fn two_hundred_sessions_are_listed_to_the_last() {
    let service = TestService::with(&[("MAX_SESSIONS_PER_USER", "1000")]).await;
    let mut last = service.log_in("device-0").await;
    for number in 1..200 {
        last = service.log_in(&format!("device-{number}")).await;
    }
    assert_eq!(service.list(&last.access).await.ok()["total"], 200);
}
