//! `GET /api/v1/sessions/me/activity`.

use registry::{activity, login, refresh};
use serde_json::{Value, json};
use shared::domain::{
    audit::{AuditContext, EventType},
    clock::Millis,
    session::Origin,
};
use tests::{Event, PASSWORD, TestService};

/// The types of a page's events.
fn types(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn activity_shows_what_happened_newest_first() {
    let service = TestService::new().await;
    let other = service.log_in("tablet").await;
    service.clock.advance(10);
    let own = service.log_in("phone").await;
    service.clock.advance(10);
    service.revoke(&own.access, &other.session).await.ok();

    let page = service.activity(&own.access, "").await.ok();
    assert_eq!(
        types(&page),
        [
            "session_revoked",
            "login_succeeded",
            "login_succeeded",
            "account_created"
        ]
    );
    assert_eq!(page["next_cursor"], Value::Null);
    let event = |index: usize| {
        let mut event = page["events"][index].clone();
        assert_eq!(event["id"].take().as_str().unwrap().len(), 36);
        event
    };
    assert_eq!(
        event(0),
        json!({
            "id": null, "type": "session_revoked", "at": "2096-10-02T07:07:00Z", "session_id": other.session,
            "device_name": "tablet", "amr": null, "ip_address": "203.0.113.7", "location_city": null,
            "location_country": null, "is_current": false,
        })
    );
    assert_eq!(
        (&event(1)["session_id"], &event(1)["is_current"]),
        (&json!(own.session), &json!(true))
    );
    assert_eq!(event(1)["amr"], json!(["pwd"]));
    assert_eq!(
        (&event(3)["session_id"], &event(3)["is_current"]),
        (&Value::Null, &json!(false))
    );
}

#[tokio::test]
async fn activity_shows_places_that_a_trusted_proxy_tells() {
    let secret = "the secret of the proxy";
    let service = TestService::with(&[("TRUSTED_PROXY", "cloudfront"), ("CLOUDFRONT_SECRET", secret)]).await;
    let from = |event: Event, country: &str| {
        let event = event.header("x-origin-verify", secret);
        let event = event.header("cloudfront-viewer-address", "198.51.100.9:4711");
        event
            .header("cloudfront-viewer-city", "Bern")
            .header("cloudfront-viewer-country", country)
    };
    let body = json!({ "email": tests::EMAIL, "password": PASSWORD });
    let login = from(Event::file("login/json").json(&body), "CH");
    let login = tests::Tokens::from(&service.send(&login::OPERATION, login).await.ok());
    service.clock.advance(1);
    let refresh = Event::file("refresh/json").json(&json!({ "refresh_token": login.refresh }));
    service.send(&refresh::OPERATION, from(refresh, "FR")).await.ok();

    let page = service.activity(&login.access, "limit=1").await.ok();
    let event = &page["events"][0];
    assert_eq!(
        (
            &event["type"],
            &event["location_city"],
            &event["location_country"],
            &event["ip_address"]
        ),
        (
            &json!("session_moved"),
            &json!("Bern"),
            &json!("FR"),
            &json!("198.51.100.9")
        )
    );
}

#[tokio::test]
async fn activity_shows_nothing_of_other_accounts() {
    let service = TestService::new().await;
    service.create_user("other@example.com").await;
    service.log_in_as("other@example.com", "laptop").await;
    let own = service.log_in("phone").await;
    let page = service.activity(&own.access, "").await.ok();
    assert_eq!(types(&page), ["login_succeeded", "account_created"]);
    assert!(!page.to_string().contains("laptop"));
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repeat() {
    let service = TestService::new().await;
    let mut last = service.log_in("device-0").await;
    for number in 1..12 {
        last = service.log_in(&format!("device-{number}")).await;
    }
    let all = service.activity(&last.access, "limit=100").await.ok()["events"].clone();
    assert_eq!(all.as_array().unwrap().len(), 13);

    let mut read = Vec::new();
    let mut query = "limit=5".to_owned();
    loop {
        let page = service.activity(&last.access, &query).await.ok();
        read.extend(page["events"].as_array().unwrap().clone());
        // Events added meanwhile are newer than this page and do not affect the next.
        last = service.log_in("device-0").await;
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("limit=5&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(Value::from(read), all);
}

#[tokio::test]
async fn a_page_has_fifty_events_unless_the_request_says() {
    let service = TestService::new().await;
    let mut last = service.log_in("phone").await;
    for _ in 0..50 {
        last = service.log_in("phone").await;
    }
    let count = async |query: &str| {
        let page = service.activity(&last.access, query).await.ok();
        page["events"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 50);
    assert_eq!(count("limit=1").await, 1);
    assert_eq!(count("limit=100&unknown=1&unknown=2").await, 100);
}

#[tokio::test]
async fn a_limit_that_is_none_is_refused() {
    let service = TestService::new().await;
    let own = service.log_in("phone").await;
    for limit in [
        "0",
        "101",
        "256",
        "-1",
        "+5",
        "5.0",
        "abc",
        "%31%20",
        "1&limit=1",
        "0&limit=0&limit=0",
    ] {
        let answer = service.activity(&own.access, &format!("limit={limit}")).await;
        answer.refused_field("limit");
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_account_only_and_unaltered() {
    let service = TestService::new().await;
    service.create_user("other@example.com").await;
    let other = service.log_in_as("other@example.com", "laptop").await;
    let own = service.log_in("phone").await;
    let page = service.activity(&own.access, "limit=1").await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();

    let again = service.log_in("tablet").await;
    let query = format!("cursor={cursor}");
    assert_eq!(
        types(&service.activity(&again.access, &query).await.ok()),
        ["account_created"],
        "another session of the same account may go on"
    );
    service
        .activity(&other.access, &query)
        .await
        .refused_field("cursor");
    let event = page["events"][0]["id"].as_str().unwrap();
    let cut = &cursor[1..];
    for wrong in [
        "x",
        event,
        cut,
        &format!("{cursor}A"),
        &format!("{cursor}&{query}"),
    ] {
        let answer = service.activity(&own.access, &format!("cursor={wrong}")).await;
        answer.refused_field("cursor");
    }
    let both = service.activity(&own.access, "cursor=x&limit=0").await;
    assert_eq!(both.body["errors"].as_array().unwrap().len(), 2, "{}", both.body);
}

#[tokio::test]
async fn a_cursor_goes_on_after_its_event_was_pruned() {
    let service = TestService::new().await;
    let own = service.log_in("phone").await;
    let page = service.activity(&own.access, "limit=1").await.ok();
    service
        .delete_event(page["events"][0]["id"].as_str().unwrap())
        .await;
    let query = format!("cursor={}", page["next_cursor"].as_str().unwrap());
    let next = service.activity(&own.access, &query).await.ok();
    assert_eq!(types(&next), ["account_created"]);
}

#[tokio::test]
async fn the_trail_is_for_active_sessions_only() {
    let service = TestService::with(&[("REFRESH_IDLE_SECONDS", "600")]).await;
    let (own, other) = (service.log_in("phone").await, service.log_in("tablet").await);
    service.revoke(&own.access, &other.session).await.ok();
    service
        .activity(&other.access, "")
        .await
        .refused(401, "session_revoked");
    service.clock.advance(600);
    service
        .activity(&own.access, "")
        .await
        .refused(401, "token_expired");
    let bare = Event::file("activity/next-page").without_header("authorization");
    let answer = service.send(&activity::OPERATION, bare).await;
    answer.refused(401, "missing_token");
}

#[tokio::test]
async fn what_one_request_did_is_told_in_its_order() {
    let service = TestService::with(&[("MAX_SESSIONS_PER_USER", "2")]).await;
    for round in 0..10 {
        service.log_in("phone").await;
        service.log_in("tablet").await;
        let own = service.log_in("phone").await;
        let page = service.activity(&own.access, "limit=2").await.ok();
        assert_eq!(
            types(&page),
            ["login_succeeded", "session_superseded"],
            "round {round}: the old session ended before the new one began"
        );
    }
}

#[tokio::test]
async fn some_types_are_shown_page_by_page_and_no_others() {
    let service = TestService::new().await;
    let own = service.log_in("phone").await;
    for _ in 0..3 {
        let other = service.log_in("tablet").await;
        service.revoke(&own.access, &other.session).await.ok();
    }
    let all = service.activity(&own.access, "").await.ok();
    let of = |wanted: &[&str]| -> Vec<&str> {
        let mut kept = types(&all);
        kept.retain(|shown| wanted.contains(shown));
        kept
    };
    let (login, revoked) = ("login_succeeded", "session_revoked");
    let page = service
        .activity(&own.access, "type=session_revoked&type=")
        .await
        .ok();
    assert_eq!(types(&page), [revoked; 3]);
    assert!(page["next_cursor"].is_null(), "{page}");
    let query = "type=login_succeeded&type=session_revoked&type=login_succeeded";
    let both = service.activity(&own.access, query).await.ok();
    assert_eq!(types(&both), of(&[login, revoked]));
    assert_eq!(
        service.activity(&own.access, "type=").await.ok(),
        all,
        "an empty one is as none"
    );
    let none = service.activity(&own.access, "type=email_changed").await.ok();
    assert_eq!((types(&none), &none["next_cursor"]), (vec![], &Value::Null));

    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("type=login_succeeded&limit=3{cursor}");
        let page = service.activity(&own.access, &query).await.ok();
        found.extend(types(&page).into_iter().map(str::to_owned));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(found, of(&[login]));

    let sixteen = ["type=logout"; 16].join("&");
    service
        .activity(&own.access, &sixteen)
        .await
        .refused_field("type");
    for unknown in ["logins", "LOGOUT", "logout,login_failed", "logout&type=x"] {
        let answer = service.activity(&own.access, &format!("type={unknown}")).await;
        answer.refused_field("type");
        assert!(
            answer.body.to_string().contains("account_created"),
            "{}",
            answer.body
        );
    }
}

/// A page beyond which the query did not look may be empty, and its cursor goes on.
#[tokio::test]
async fn rare_events_are_found_behind_many_others() {
    let service = TestService::new().await;
    let own = service.log_in("phone").await;
    service.clock.advance(1);
    for number in 0..520 {
        let context = AuditContext {
            at: Millis(service.clock.now().0 + number),
            origin: Origin::default(),
            request_id: None,
            actor: None,
        };
        let user = service.account.id.parse().unwrap();
        let event = context.event(&service.state.ids, user, EventType::LoginFailed);
        service.state.store.record(&event).await.unwrap();
    }
    let first = service.activity(&own.access, "type=account_created").await.ok();
    assert_eq!(types(&first), [""; 0]);
    let query = format!(
        "type=account_created&cursor={}",
        first["next_cursor"].as_str().unwrap()
    );
    let second = service.activity(&own.access, &query).await.ok();
    assert_eq!(types(&second), ["account_created"]);
    assert!(second["next_cursor"].is_null());
}
