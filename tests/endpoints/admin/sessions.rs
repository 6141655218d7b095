//! Support staff view and revoke a user's sessions, and read the trail.

use serde_json::json;

use super::{ANNA, event, event_with, ok, refused, world_with_anna};

#[tokio::test]
async fn sessions_are_listed_last_used_first_and_without_token_ids() {
    let (service, _) = world_with_anna().await;
    let phone = service.log_in_as(ANNA, "phone").await;
    service.clock.advance(1);
    let tablet = service.log_in_as(ANNA, "tablet").await;
    service.clock.advance(1);
    service.log_in("somebody else's").await;
    ok(service
        .admin(event_with(
            "revoke_session",
            &json!({"session_id": phone.session}),
        ))
        .await);
    let listed = ok(service.admin(event("list_sessions")).await);
    assert_eq!(listed["active"], 1);
    let told: Vec<_> = listed["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| {
            [
                &session["id"],
                &session["device_name"],
                &session["state"],
                &session["ended_reason"],
            ]
        })
        .collect();
    let expected = [
        [
            &json!(tablet.session),
            &json!("tablet"),
            &json!("active"),
            &json!(null),
        ],
        [
            &json!(phone.session),
            &json!("phone"),
            &json!("ended"),
            &json!("admin"),
        ],
    ];
    assert_eq!(told, expected);
    assert_eq!(listed["sessions"][1]["ended_at"], "2096-10-02T07:06:43Z");
    assert_eq!(listed["sessions"][0]["ip_address"], "203.0.113.7");
    assert!(!listed.to_string().contains("jti"));
    service.clock.advance(700_000);
    let later = ok(service.admin(event("list_sessions")).await);
    assert_eq!(
        (&later["active"], &later["sessions"][0]["state"]),
        (&json!(0), &json!("expired"))
    );
}

#[tokio::test]
async fn one_session_ends_and_the_others_do_not() {
    let (service, _) = world_with_anna().await;
    let (phone, tablet) = (
        service.log_in_as(ANNA, "phone").await,
        service.log_in_as(ANNA, "tablet").await,
    );
    let stranger = service.log_in("phone").await;
    let command = event_with("revoke_session", &json!({"session_id": phone.session}));
    assert_eq!(ok(service.admin(command.clone()).await)["sessions_ended"], 1);
    assert_eq!(
        ok(service.admin(command).await)["sessions_ended"],
        0,
        "a repeat finds it ended"
    );
    service
        .refresh(&phone.refresh)
        .await
        .refused(401, "session_revoked");
    service.list(&tablet.access).await.ok();

    let theirs = event_with("revoke_session", &json!({"session_id": stranger.session}));
    refused(&service.admin(theirs).await, "session_not_found");
    service.list(&stranger.access).await.ok();
    let none = event_with("revoke_session", &json!({"session_id": "phone"}));
    refused(&service.admin(none).await, "validation_failed");
    let revoked = service.events().await;
    assert_eq!(
        revoked.iter().filter(|name| *name == "session_revoked").count(),
        1
    );
}

#[tokio::test]
async fn all_sessions_end_and_nobody_elses() {
    let (service, id) = world_with_anna().await;
    let (phone, tablet) = (
        service.log_in_as(ANNA, "phone").await,
        service.log_in_as(ANNA, "tablet").await,
    );
    let stranger = service.log_in("phone").await;
    let command = event_with("revoke_all_sessions", &json!({"email": null, "user_id": id}));
    assert_eq!(ok(service.admin(command.clone()).await)["sessions_ended"], 2);
    assert_eq!(ok(service.admin(command).await)["sessions_ended"], 0);
    for tokens in [phone, tablet] {
        service.list(&tokens.access).await.refused(401, "session_revoked");
        assert_eq!(
            service.session_item(&tokens.session).await["revoked_reason"],
            "admin"
        );
    }
    service.list(&stranger.access).await.ok();
    service.log_in_as(ANNA, "phone").await;
}

#[tokio::test]
async fn a_session_that_another_clock_may_still_take_for_active_ends_as_well() {
    let (service, _) = world_with_anna().await;
    service.log_in_as(ANNA, "phone").await;
    service.clock.advance(604_800 + 299);
    assert_eq!(
        ok(service.admin(event("disable_user")).await)["sessions_ended"],
        1
    );
    ok(service.admin(event("enable_user")).await);
    service.log_in_as(ANNA, "phone").await;
    service.clock.advance(604_800 + 300);
    assert_eq!(
        ok(service.admin(event("disable_user")).await)["sessions_ended"],
        0
    );
}

#[tokio::test]
async fn the_trail_is_read_newest_first_and_page_by_page() {
    let (service, _) = world_with_anna().await;
    service.log_in("somebody else's").await;
    for device in ["a", "b", "c"] {
        service.log_in_as(ANNA, device).await;
        service.clock.advance(1);
    }
    let page = async |cursor: serde_json::Value| {
        let page = event_with("activity", &json!({"limit": 3, "cursor": cursor}));
        let answer = ok(service.admin(page).await);
        let events = answer["events"].as_array().unwrap().clone();
        let told: Vec<_> = events
            .iter()
            .map(|event| {
                (
                    event["type"].as_str().unwrap().to_owned(),
                    event["device_name"].clone(),
                )
            })
            .collect();
        (told, answer["next_cursor"].clone())
    };
    let (first, next) = page(json!(null)).await;
    let login = |device: &str| ("login_succeeded".to_owned(), json!(device));
    assert_eq!(first, [login("c"), login("b"), login("a")]);
    let (second, end) = page(next).await;
    assert_eq!(second, [("account_created".to_owned(), json!(null))]);
    assert_eq!(end, json!(null));
    for fields in [
        json!({"limit": 0}),
        json!({"limit": 101}),
        json!({"limit": -1}),
        json!({"cursor": "x"}),
    ] {
        refused(
            &service.admin(event_with("activity", &fields)).await,
            "validation_failed",
        );
    }
}
