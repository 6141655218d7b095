//! `POST /api/v1/auth/logout-all`.

use registry::{logout, logout_all};
use serde_json::json;
use testkit::{Schedule, turns};
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

/// While one session ends the others, another one logs out, and a new one ends the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_ended_is_told_even_if_the_callers_session_ends_meanwhile() {
    let (mut schedule, mut ended_midway) = (Some(Schedule::default()), 0);
    let service = TestService::new().await;
    while let Some(order) = schedule {
        let scene = service.neighbour().await;
        let (own, second, third) = (
            scene.log_in("a").await,
            scene.log_in("b").await,
            scene.log_in("c").await,
        );
        let (calls, queue) = turns();
        let instance = scene.twin().await;
        instance.state.keys.warm(1).await;
        instance.connection.wait_for(calls);
        let event = Event::file("logout-all/except-current").bearer(&own.access);
        let logging_out = tokio::spawn(async move { instance.send(&logout_all::OPERATION, event).await });

        let (events, others) = turns();
        let (others_service, own_session) = (scene.twin().await, own.session.clone());
        let happening = tokio::spawn(async move {
            let turn = events.take().await;
            let event = Event::file("logout/access-token").bearer(&second.access);
            let answer = others_service.send(&logout::OPERATION, event).await;
            drop(turn);
            let turn = events.take().await;
            let fourth = others_service.log_in("d").await;
            others_service.revoke(&fourth.access, &own_session).await;
            drop(turn);
            answer
        });
        let (answers, taken) = order.run(vec![(queue, logging_out), (others, happening)]).await;

        let reason = async |session: &str| scene.session_item(session).await["revoked_reason"].clone();
        let mut ended = 0;
        for item in scene.partition(&format!("USER#{}", scene.account.id)).await {
            ended += usize::from(item["revoked_reason"] == "logout_all");
        }
        let caller_is_gone = reason(&own.session).await == "revoked";
        if ended > 0 || !caller_is_gone {
            let answer = answers.into_iter().next().expect("two answers").ok();
            assert_eq!(answer["count"], ended, "{taken:?}");
        } else if answers[0].status != 200 {
            answers[0].refused(401, "session_revoked");
        }
        ended_midway += usize::from(caller_is_gone && reason(&third.session).await == "logout_all");
        schedule = taken.following();
    }
    assert!(ended_midway > 0);
}

#[tokio::test]
async fn sessions_that_have_just_expired_end_too_for_clocks_that_are_behind() {
    for (late, count) in [(0, 2), (299, 2), (300, 1)] {
        let service =
            TestService::with(&[("REFRESH_IDLE_SECONDS", "600"), ("ACCESS_TOKEN_SECONDS", "900")]).await;
        let expiring = service.log_in("a").await;
        service.clock.advance(600 + late);
        let own = service.log_in("b").await;
        let event = Event::file("logout-all/all").bearer(&own.access);
        let answer = service.send(&logout_all::OPERATION, event).await.ok();
        assert_eq!(answer["count"], count, "{late} s after its end");
        let items = service.items().await;
        let record = items
            .iter()
            .find(|item| item["session_id"] == expiring.session.as_str() && item["type"].is_null());
        let reason = record.map(|item| item["revoked_reason"].clone());
        assert_eq!(
            reason == Some(json!("logout_all")),
            count == 2,
            "{late} s after its end"
        );
    }
}
