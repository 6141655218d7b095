//! `DELETE /api/v1/sessions/{session_id}`.

use tests::TestService;

#[tokio::test]
async fn revoke_ends_the_session_on_the_other_device() {
    let service = TestService::new().await;
    let (own, other) = (service.log_in("phone").await, service.log_in("tablet").await);
    let body = service.revoke(&own.access, &other.session).await.ok();
    assert_eq!(body["success"], true);
    assert_eq!(body["message"], "Session revoked: tablet");
    service
        .refresh(&other.refresh)
        .await
        .refused(401, "session_revoked");
    let item = service.session_item(&other.session).await;
    assert_eq!(item["revoked_reason"], "revoked");
    assert_eq!(item["expires_at"], service.clock.now().seconds().0 + 86_400);
    assert_eq!(service.list(&own.access).await.ok()["total"], 1);
}

#[tokio::test]
async fn revoking_twice_is_a_success_with_one_event() {
    let service = TestService::new().await;
    let (own, other) = (service.log_in("phone").await, service.log_in("tablet").await);
    let first = service.revoke(&own.access, &other.session).await.ok();
    let again = service.revoke(&own.access, &other.session).await.ok();
    assert_eq!(first, again);
    assert_eq!(
        service
            .events()
            .await
            .iter()
            .filter(|name| *name == "session_revoked")
            .count(),
        1
    );
}

#[tokio::test]
async fn revoking_oneself_works_once() {
    let service = TestService::new().await;
    let own = service.log_in("phone").await;
    service
        .revoke(&own.access, &own.session.to_uppercase())
        .await
        .ok();
    service
        .revoke(&own.access, &own.session)
        .await
        .refused(401, "session_revoked");
}

#[tokio::test]
async fn revoke_doesnt_touch_another_users_session() {
    let service = TestService::new().await;
    service.create_user("other@example.com").await;
    let (own, other) = (
        service.log_in("phone").await,
        service.log_in_as("other@example.com", "tablet").await,
    );
    service
        .revoke(&own.access, &other.session)
        .await
        .refused(403, "not_your_session");
    service.list(&other.access).await.ok();
}

#[tokio::test]
async fn an_unknown_session_is_not_found_and_no_uuid_is_no_id() {
    let service = TestService::new().await;
    let own = service.log_in("phone").await;
    service
        .revoke(&own.access, "019ab2c4-0000-7000-8000-000000000000")
        .await
        .refused(404, "session_not_found");
    for id in ["me", "42", "019ab2c4000070008000000000000000", "%F0%9F%92%A9"] {
        service.revoke(&own.access, id).await.refused_field("session_id");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_that_revoke_each_other_leave_one() {
    let service = TestService::new().await;
    for round in 0..20 {
        let (a, b) = (
            service.log_in(&format!("a{round}")).await,
            service.log_in(&format!("b{round}")).await,
        );
        let (first, second) = tokio::join!(
            service.revoke(&a.access, &b.session),
            service.revoke(&b.access, &a.session)
        );
        let statuses = [first.status, second.status];
        assert!(statuses == [200, 401] || statuses == [401, 200], "{statuses:?}");
        let survivor = if first.status == 200 { a } else { b };
        service.list(&survivor.access).await.ok();
    }
}

#[tokio::test]
async fn a_session_that_has_just_expired_ends_too_for_clocks_that_are_behind() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "600")]).await;
    for late in [0, 299, 300] {
        let expiring = service.log_in("a").await;
        service.clock.advance(600 + late - 1);
        let own = service.log_in("b").await;
        service.clock.advance(1);
        let answer = service.revoke(&own.access, &expiring.session).await;
        if late == 300 {
            answer.refused(404, "session_not_found");
            continue;
        }
        answer.ok();
        let item = service.session_item(&expiring.session).await;
        assert_eq!(item["revoked_reason"], "revoked", "{late} s after its end");
        // A repeat after a lost answer.
        service.revoke(&own.access, &expiring.session).await.ok();
    }
}
