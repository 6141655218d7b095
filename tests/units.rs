//! What each operation consumes of the table, as docs/operations.md has it.
//!
//! Measured on the embedded DynamoDB, which counts as Amazon documents it. Amazon's DynamoDB Local does not: one item of
//! a transaction is four units there instead of two. The read of the key set, once a minute for each instance, is left
//! out.

use std::path::Path;

use serde_json::json;
use testkit::Units;
use tests::{
    EMAIL, Event,
    Function::{self, Activity, Cleanup, Jwks, List, Login, Logout, LogoutAll, Refresh, Revoke},
    PASSWORD, Tokens, World,
};

/// The limits that a deployment has by default: counting costs as well.
const LIMITS: [(&str, &str); 6] = [
    ("RATE_LIMIT_LOGIN_IP", "60"),
    ("RATE_LIMIT_LOGIN_GUESSES", "5"),
    ("RATE_LIMIT_LOGIN_ACCOUNT", "30"),
    ("RATE_LIMIT_LIST", "30"),
    ("RATE_LIMIT_REVOKE", "10"),
    ("RATE_LIMIT_CLEANUP", "5"),
];

/// Checks that the documentation has this figure.
fn documented(operation: &str, units: Units) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let row = format!("| {operation} | {} | {} |", units.write, units.read);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(&row), "docs/operations.md lacks this row: {row}");
}

/// A service that has read its keys, with nothing on its meter.
async fn world() -> World {
    let world = World::embedded(&LIMITS).await;
    world.state.keys.warm(1).await;
    world.calls.meter.take();
    world
}

async fn log_in(world: &World, device: &str) -> Tokens {
    let tokens = world.log_in(device).await;
    world.clock.advance(61); // out of the window of the limits
    world.state.keys.warm(1).await;
    world.calls.meter.take();
    tokens
}

/// Sends what must succeed, and checks what it consumed, and that a function that opens several connections at start
/// opens as many as it then uses.
async fn consumes(world: &World, operation: &str, function: Function, event: Event) {
    world.calls.meter.take_most_at_once();
    world.send(function, event).await.ok();
    documented(operation, world.calls.meter.take());
    // All that is asked at once, where a start opens more than what it reads the key set over.
    let used = world.calls.meter.take_most_at_once();
    match function {
        LogoutAll => assert_eq!(logout_all::CONNECTIONS, used),
        Revoke => assert_eq!(revoke::CONNECTIONS, used),
        _ => {}
    }
}

#[tokio::test]
async fn logging_in() {
    let world = world().await;
    let body = |password: &str| json!({ "email": EMAIL, "password": password, "device_id": "phone" });
    let event = |password| Event::file("login/json").json(&body(password));
    consumes(&world, "login on a new device", Login, event(PASSWORD)).await;
    world.clock.advance(1);
    consumes(&world, "login on the same device again", Login, event(PASSWORD)).await;
    world
        .send(Login, event("a wrong password"))
        .await
        .refused(401, "invalid_credentials");
    documented("login with a wrong password", world.calls.meter.take());
}

#[tokio::test]
async fn refreshing() {
    let world = world().await;
    let tokens = log_in(&world, "phone").await;
    let event = Event::file("refresh/idempotent").json(&json!({ "refresh_token": tokens.refresh }));
    consumes(&world, "refresh", Refresh, event).await;
}

#[tokio::test]
async fn reading() {
    let world = world().await;
    let tokens = log_in(&world, "device-0").await;
    consumes(
        &world,
        "list of one session",
        List,
        Event::file("list/list").bearer(&tokens.access),
    )
    .await;
    for device in 1..20 {
        log_in(&world, &format!("device-{device}")).await;
    }
    let tokens = world.refresh(&tokens.refresh).await.ok();
    let access = Tokens::from(&tokens).access;
    world.calls.meter.take();
    consumes(
        &world,
        "list of 20 sessions",
        List,
        Event::file("list/list").bearer(&access),
    )
    .await;
    let event = Event::file("activity/first-page").query("").bearer(&access);
    consumes(&world, "activity of 21 events", Activity, event).await;
    consumes(&world, "public keys", Jwks, Event::file("jwks/jwks")).await;
}

#[tokio::test]
async fn ending_sessions() {
    let world = world().await;
    let phone = log_in(&world, "phone").await;
    let tablet = log_in(&world, "tablet").await;
    let event = Event::file("revoke/revoke").bearer(&tablet.access);
    let event = event.path(&format!("/api/v1/sessions/{}", phone.session));
    consumes(&world, "revoke", Revoke, event).await;
    let event = Event::file("cleanup/cleanup").bearer(&tablet.access);
    consumes(&world, "cleanup of nothing", Cleanup, event).await;
    consumes(
        &world,
        "logout",
        Logout,
        Event::file("logout/access-token").bearer(&tablet.access),
    )
    .await;
    log_in(&world, "phone").await;
    log_in(&world, "tablet").await;
    let laptop = log_in(&world, "laptop").await;
    let event = Event::file("logout-all/all").bearer(&laptop.access);
    consumes(&world, "logout from three sessions", LogoutAll, event).await;
}
