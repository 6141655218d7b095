//! `PATCH /api/v1/sessions/{session_id}`.

use registry::{list, rename};
use serde_json::{Value, json};
use tests::{Answer, Event, TestService};

async fn name(service: &TestService, access: &str, session: &str, name: Value) -> Answer {
    let event = Event::file("rename/rename")
        .bearer(access)
        .json(&json!({ "device_name": name }));
    let event = event.path(&format!("/api/v1/sessions/{session}"));
    service.send(&rename::OPERATION, event).await
}

async fn told(service: &TestService) -> usize {
    let events = service.events().await;
    events.iter().filter(|name| *name == "session_renamed").count()
}

#[tokio::test]
async fn a_given_name_is_shown_before_the_devices_and_no_refresh_overwrites_it() {
    let service = TestService::new().await;
    let (phone, tablet) = (service.log_in("phone").await, service.log_in("tablet").await);
    let answer = name(&service, &phone.access, &tablet.session, json!("Kitchen tablet"))
        .await
        .ok();
    let listed = service.list(&phone.access).await.ok();
    let shown = |listed: &Value| {
        let sessions = listed["sessions"].as_array().unwrap().clone();
        sessions
            .into_iter()
            .find(|session| session["id"] == tablet.session.as_str())
            .unwrap()
    };
    assert_eq!(answer, shown(&listed), "as the list shows it");
    assert_eq!(
        (&answer["device_name"], &answer["is_current"]),
        (&json!("Kitchen tablet"), &json!(false))
    );

    let event = Event::file("refresh/json")
        .json(&json!({ "refresh_token": tablet.refresh }))
        .header("x-device-name", "SM-X200");
    service.send(&registry::refresh::OPERATION, event).await.ok();
    let item = service.session_item(&tablet.session).await;
    assert_eq!(
        (&item["device_name"], &item["given_name"]),
        (&json!("SM-X200"), &json!("Kitchen tablet"))
    );
    assert_eq!(
        shown(&service.list(&phone.access).await.ok())["device_name"],
        "Kitchen tablet"
    );

    let answer = name(&service, &phone.access, &tablet.session, Value::Null)
        .await
        .ok();
    assert_eq!(answer["device_name"], "SM-X200");
    assert!(service.session_item(&tablet.session).await["given_name"].is_null());
    name(&service, &phone.access, &tablet.session, json!("Kitchen tablet"))
        .await
        .ok();
    let answer = service.revoke(&phone.access, &tablet.session).await.ok();
    assert_eq!(answer["message"], "Session revoked: Kitchen tablet");
    let activity = service.activity(&phone.access, "limit=2").await.ok();
    let names: Vec<_> = activity["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["device_name"].clone())
        .collect();
    assert_eq!(names, ["Kitchen tablet", "Kitchen tablet"]);
}

#[tokio::test]
async fn one_names_ones_own_device_too_and_a_repeat_changes_nothing() {
    let service = TestService::new().await;
    let phone = service.log_in("phone").await;
    for _ in 0..2 {
        let answer = name(
            &service,
            &phone.access,
            &phone.session,
            json!(" Anna's\u{200b} phone "),
        )
        .await
        .ok();
        assert_eq!(
            (&answer["device_name"], &answer["is_current"]),
            (&json!("Anna's phone"), &json!(true))
        );
    }
    assert_eq!(told(&service).await, 1);
}

#[tokio::test]
async fn a_name_that_does_not_fit_is_refused() {
    let service = TestService::new().await;
    let phone = service.log_in("phone").await;
    for wrong in [json!(""), json!("n".repeat(256)), json!(5), json!(["x"])] {
        name(&service, &phone.access, &phone.session, wrong)
            .await
            .refused_field("device_name");
    }
    let event = Event::file("rename/rename")
        .bearer(&phone.access)
        .json(&json!({}));
    service
        .send(
            &rename::OPERATION,
            event.path(&format!("/api/v1/sessions/{}", phone.session)),
        )
        .await
        .refused_field("device_name");
    name(&service, &phone.access, "no-id", json!("x"))
        .await
        .refused_field("session_id");
    name(&service, &phone.access, &phone.session, json!("n".repeat(255)))
        .await
        .ok();
    assert_eq!(told(&service).await, 1);
    // Nothing visible is no name.
    let answer = name(
        &service,
        &phone.access,
        &phone.session,
        json!("\u{200b}\u{202e} "),
    )
    .await
    .ok();
    assert_eq!(answer["device_name"], "phone");
}

#[tokio::test]
async fn only_active_sessions_of_ones_own_have_names() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "600")]).await;
    service.create_user("other@example.com").await;
    let stranger = service.log_in_as("other@example.com", "phone").await;
    let (revoked, expired) = (service.log_in("revoked").await, service.log_in("expired").await);
    service.clock.advance(300);
    let own = service.log_in("phone").await;
    service.revoke(&own.access, &revoked.session).await.ok();
    service.clock.advance(300);
    name(&service, &own.access, &stranger.session, json!("x"))
        .await
        .refused(403, "not_your_session");
    for session in [
        revoked.session.as_str(),
        &expired.session,
        "019ab2c4-0000-7000-8000-000000000000",
    ] {
        name(&service, &own.access, session, json!("x"))
            .await
            .refused(404, "session_not_found");
    }
    assert_eq!(told(&service).await, 0);
    service
        .send(&list::OPERATION, Event::file("list/list").bearer(&own.access))
        .await
        .ok();
}
