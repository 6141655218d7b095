//! `POST /api/v1/auth/logout`.

use registry::logout;
use serde_json::{Value, json};
use tests::{Event, TestService, Tokens, claims, forge};

#[tokio::test]
async fn either_token_suffices_and_a_repeat_is_a_success() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    for _ in 0..2 {
        let answer = service
            .send(
                &logout::OPERATION,
                Event::file("logout/access-token").bearer(&login.access),
            )
            .await
            .ok();
        assert_eq!(
            answer,
            json!({"success": true, "message": "Logged out successfully"})
        );
    }
    service
        .refresh(&login.refresh)
        .await
        .refused(401, "session_revoked");

    let login = service.log_in("phone").await;
    let event = Event::file("logout/refresh-token").json(&json!({ "refresh_token": login.refresh }));
    service.clock.advance(901);
    for _ in 0..2 {
        service.send(&logout::OPERATION, event.clone()).await.ok();
    }
    assert_eq!(
        service.session_item(&login.session).await["revoked_reason"],
        "logout"
    );
    assert_eq!(
        service
            .events()
            .await
            .iter()
            .filter(|name| *name == "logout")
            .count(),
        2
    );
}

#[tokio::test]
async fn with_both_the_refresh_token_names_the_session() {
    let service = TestService::new().await;
    let (own, other) = (service.log_in("phone").await, service.log_in("tablet").await);
    let event = Event::file("logout/refresh-token").json(&json!({ "refresh_token": other.refresh }));
    service
        .send(&logout::OPERATION, event.clone().bearer(&own.access))
        .await
        .ok();
    service.list(&other.access).await.refused(401, "session_revoked");
    service.list(&own.access).await.ok();

    service.create_user("stranger@example.com").await;
    let stranger = service.log_in_as("stranger@example.com", "phone").await;
    let event = Event::file("logout/refresh-token").json(&json!({ "refresh_token": stranger.refresh }));
    service
        .send(&logout::OPERATION, event.clone().bearer(&own.access))
        .await
        .refused(403, "not_your_session");
    service.list(&stranger.access).await.ok();
    service
        .send(&logout::OPERATION, event.bearer("expired.or.broken"))
        .await
        .ok();
    service
        .list(&stranger.access)
        .await
        .refused(401, "session_revoked");
}

#[tokio::test]
async fn a_token_from_before_the_last_refresh_still_logs_out() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let next = Tokens::from(&service.refresh(&login.refresh).await.ok());
    let event = Event::file("logout/refresh-token").json(&json!({ "refresh_token": login.refresh }));
    service.send(&logout::OPERATION, event).await.ok();
    service
        .refresh(&next.refresh)
        .await
        .refused(401, "session_revoked");
}

#[tokio::test]
async fn a_token_from_before_the_previous_one_ends_the_session_as_stolen() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let second = Tokens::from(&service.refresh(&login.refresh).await.ok());
    let third = Tokens::from(&service.refresh(&second.refresh).await.ok());
    let event = Event::file("logout/refresh-token").json(&json!({ "refresh_token": login.refresh }));
    for _ in 0..2 {
        let answer = service.send(&logout::OPERATION, event.clone()).await.ok();
        assert_eq!(answer["message"], "Logged out successfully");
    }
    let item = service.session_item(&login.session).await;
    assert_eq!(item["revoked_reason"], "refresh_token_reuse");
    let events = service.events().await;
    let told = |what: &str| events.iter().filter(|name| *name == what).count();
    assert_eq!((told("refresh_token_reused"), told("logout")), (1, 0));
    service
        .refresh(&third.refresh)
        .await
        .refused(401, "session_revoked");
}

#[tokio::test]
async fn a_token_newer_than_its_record_logs_out() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let mut lost = claims(&login.refresh);
    lost["iat"] = (lost["iat"].as_i64().unwrap() + 5).into();
    lost["jti"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
    let key = &service.keys.current;
    service.clock.advance(60);
    let token = forge(key, &key.public().kid, "rt+jwt", &lost);
    let event = Event::file("logout/refresh-token").json(&json!({ "refresh_token": token }));
    service.send(&logout::OPERATION, event).await.ok();
    let item = service.session_item(&login.session).await;
    assert_eq!(item["revoked_reason"], "logout");
}

#[tokio::test]
async fn without_a_token_nothing_ends() {
    let service = TestService::new().await;
    let login = service.log_in("phone").await;
    let bare = Event::file("logout/access-token").without_header("authorization");
    service
        .send(&logout::OPERATION, bare)
        .await
        .refused(401, "missing_token");
    let access_as_refresh =
        Event::file("logout/refresh-token").json(&json!({ "refresh_token": login.access }));
    service
        .send(&logout::OPERATION, access_as_refresh)
        .await
        .refused(401, "invalid_token");
    service.list(&login.access).await.ok();
}

#[tokio::test]
async fn a_session_that_has_just_expired_ends_too_for_clocks_that_are_behind() {
    for (late, reason) in [(0, "logout".into()), (299, "logout".into()), (300, Value::Null)] {
        let service = TestService::new().await;
        let login = service.log_in("phone").await;
        let event = Event::file("logout/refresh-token").json(&json!({ "refresh_token": login.refresh }));
        service.clock.advance(604_800 + late);
        service.send(&logout::OPERATION, event).await.ok();
        let item = service.session_item(&login.session).await;
        assert_eq!(item["revoked_reason"], reason, "{late} s after its end");
    }
}
