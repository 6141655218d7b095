//! Tickets that come back.

use futures_util::future::join_all;
use serde_json::json;
use tests::{EMAIL, TestService, Tokens, claims};

use super::{KEY, OTHER_KEY, ends, for_demo, invalid, sessions, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redemptions_at_once_open_one_session() {
    let service = TestService::new().await;
    for (round, keys) in [
        [Some(KEY); 4],
        [None; 4],
        [Some(KEY), Some(OTHER_KEY), None, Some(KEY)],
    ]
    .into_iter()
    .cycle()
    .take(30)
    .enumerate()
    {
        let ticket = service.ticket(for_demo()).await;
        let answers = join_all(keys.map(|key| service.redeem(&ticket, "phone", key))).await;
        let opened: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert!(!opened.is_empty(), "{answers:?}");
        for answer in &opened {
            let first = Tokens::from(&opened[0].body);
            let own = Tokens::from(&answer.body);
            assert_eq!(own.session, first.session);
            assert_eq!(claims(&own.refresh), claims(&first.refresh));
        }
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.refused(409, "refresh_conflict");
            assert_eq!(answer.headers["retry-after"], "30");
        }
        if keys.iter().all(|key| *key == keys[0]) {
            assert_eq!(opened.len(), keys.len(), "round {round}");
        }
        let active = sessions(&service).await;
        let active = active.iter().filter(|session| session["state"] == "active");
        assert_eq!(active.count(), (round + 1).min(20));
    }
    assert!(!ends(&service).await.contains(&"refresh_token_reuse".to_owned()));
}

#[tokio::test]
async fn a_lost_answer_is_given_again_to_whoever_has_its_key() {
    let service = TestService::new().await;
    let ticket = service.ticket(with(for_demo(), "expires_in", json!(300))).await;
    let first = Tokens::from(&service.redeem(&ticket, "phone", Some(KEY)).await.ok());
    service.clock.advance(299);
    let again = Tokens::from(&service.redeem(&ticket, "phone", Some(KEY)).await.ok());
    assert_eq!(again.session, first.session);
    assert_eq!(claims(&again.refresh), claims(&first.refresh));
    assert_eq!(sessions(&service).await.len(), 1);
    service.refresh(&again.refresh).await.ok();
    assert_eq!(ends(&service).await, [""; 0]);
}

#[tokio::test]
async fn once_its_time_is_over_a_redeemed_ticket_ends_nothing() {
    let service = TestService::new().await;
    let ticket = service.ticket(for_demo()).await;
    let phone = Tokens::from(&service.redeem(&ticket, "phone", Some(KEY)).await.ok());
    service.clock.advance(60);
    for key in [Some(KEY), Some(OTHER_KEY), None] {
        invalid(&service.redeem(&ticket, "thief", key).await);
    }
    service.list(&phone.access).await.ok();
}

#[tokio::test]
async fn somebody_else_with_the_ticket_is_a_conflict_and_then_a_thief() {
    for key in [None, Some(OTHER_KEY)] {
        let service = TestService::new().await;
        let ticket = service.ticket(for_demo()).await;
        let phone = Tokens::from(&service.redeem(&ticket, "phone", Some(KEY)).await.ok());
        service.clock.advance(10);
        let conflict = service.redeem(&ticket, "thief", key).await;
        conflict.refused(409, "refresh_conflict");
        assert_eq!(conflict.headers["retry-after"], "20");
        service.list(&phone.access).await.ok();
        service.clock.advance(20);
        invalid(&service.redeem(&ticket, "thief", key).await);
        service.list(&phone.access).await.refused(401, "session_revoked");
        assert_eq!(ends(&service).await, ["refresh_token_reuse"]);
        // Nothing more ends, and nobody is told more.
        invalid(&service.redeem(&ticket, "thief", key).await);
        invalid(&service.redeem(&ticket, "phone", Some(KEY)).await);
    }
}

#[tokio::test]
async fn a_ticket_that_comes_back_after_the_first_refresh_is_stolen() {
    for key in [None, Some(KEY)] {
        let service = TestService::new().await;
        let ticket = service.ticket(for_demo()).await;
        let phone = Tokens::from(&service.redeem(&ticket, "phone", key).await.ok());
        let phone = Tokens::from(&service.refresh(&phone.refresh).await.ok());
        invalid(&service.redeem(&ticket, "thief", key).await);
        service
            .refresh(&phone.refresh)
            .await
            .refused(401, "session_revoked");
        let events = service
            .admin(json!({ "action": "activity", "email": EMAIL, "limit": 1 }))
            .await;
        assert_eq!(events["events"][0]["type"], "refresh_token_reused");
    }
}
