//! Between phone and API: a function's process is killed between its write and its answer, or the answer is lost on the
//! way. The phone retries its request, as after any failure, and is back in the same session.
//!
//! The functions run in real processes, with an imitation of Lambda's Runtime API and the system's clock.

use serde_json::{Value, json};
use testkit::RecordingProxy;
use tests::{Event, TestService, Tokens, start_process};

/// A function, and a table behind a proxy.
struct Scene {
    service: TestService,
    proxy: RecordingProxy,
    variables: Vec<(String, String)>,
}

impl Scene {
    async fn new() -> Self {
        let service = TestService::new().await;
        let proxy = RecordingProxy::start(&service.endpoint()).await.unwrap();
        let variables = service.variables(&proxy.endpoint());
        Self {
            service,
            proxy,
            variables,
        }
    }

    async fn ask(&self, function: &str, event: &Event) -> Value {
        let mut process = start_process(function, &self.variables).await;
        let answered = process.invoke(&event.value().to_string()).await;
        body(&answered.expect("it answers").response)
    }

    async fn log_in(&self, device: &str) -> Tokens {
        Tokens::from(&self.ask("login", &login(device)).await)
    }

    /// Kills the function once the table has performed `action`, then sends the request again to a new process.
    async fn ask_twice(&mut self, function: &str, action: &'static str, event: &Event) -> Value {
        let mut process = start_process(function, &self.variables).await;
        self.proxy.hold(Some(action));
        let event_text = event.value().to_string();
        let asked = process.invoke(&event_text);
        tokio::select! {
            answer = asked => panic!("{function} answered {answer:?}"),
            held = self.proxy.has_held() => held.expect("the call is made"),
        }
        process.kill().unwrap();
        self.proxy.hold(None);
        self.ask(function, event).await
    }

    async fn records(&self, prefix: &str) -> Vec<Value> {
        let items = self.service.items().await;
        items
            .into_iter()
            .filter(|item| item["sk"].as_str().is_some_and(|sk| sk.starts_with(prefix)))
            .collect()
    }

    async fn count(&self, event: &str) -> usize {
        self.records("EVENT#")
            .await
            .iter()
            .filter(|item| item["type"] == event)
            .count()
    }
}

fn login(device: &str) -> Event {
    let body = json!({
        "email": tests::EMAIL, "password": tests::PASSWORD, "device_name": device, "device_id": device,
    });
    Event::file("login/json").json(&body)
}

/// The body of an answer to API Gateway, which must be a 200.
fn body(answer: &Value) -> Value {
    assert_eq!(answer["statusCode"], 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

fn jti(tokens: &Tokens) -> Value {
    tests::claims(&tokens.refresh)["jti"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_whose_process_was_killed_is_repeated_in_the_same_session() {
    let mut scene = Scene::new().await;
    let login = scene.log_in("phone").await;
    let event = Event::file("refresh/idempotent").json(&json!({ "refresh_token": login.refresh }));
    let next = Tokens::from(&scene.ask_twice("refresh", "UpdateItem", &event).await);
    assert_eq!(next.session, login.session);
    let session = scene.records("SESSION#").await.remove(0);
    assert_eq!(session["rotation_count"], 1);
    assert_eq!(session["refresh_jti"], jti(&next));
    // So is one whose answer was lost on its way to the phone.
    let again = Tokens::from(&scene.ask("refresh", &event).await);
    assert_eq!(jti(&again), jti(&next));
    let event = Event::file("refresh/json").json(&json!({ "refresh_token": again.refresh }));
    scene.ask("refresh", &event).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_whose_process_was_killed_leaves_no_second_session() {
    let mut scene = Scene::new().await;
    let tokens = Tokens::from(
        &scene
            .ask_twice("login", "TransactWriteItems", &login("phone"))
            .await,
    );
    let sessions = scene.records("SESSION#").await;
    assert_eq!(sessions.len(), 2);
    let (kept, lost): (Vec<_>, Vec<_>) = sessions
        .iter()
        .partition(|item| item["session_id"] == tokens.session.as_str());
    assert!(kept[0]["revoked_at"].is_null());
    assert_eq!(lost[0]["revoked_reason"], "superseded");
    assert_eq!(scene.count("login_succeeded").await, 2);
    assert_eq!(scene.count("session_superseded").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redemption_whose_process_was_killed_is_repeated_in_the_same_session() {
    let mut scene = Scene::new().await;
    let ticket = scene.service.ticket(json!({ "email": tests::EMAIL })).await;
    // The processes go by the system's clock, the ticket by the test's.
    let event = Event::file("login/ticket").json(&json!({ "ticket": ticket, "device_name": "phone" }));
    let tokens = Tokens::from(&scene.ask_twice("login", "TransactWriteItems", &event).await);
    let sessions = scene.records("SESSION#").await;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["session_id"], tokens.session.as_str());
    assert_eq!(sessions[0]["refresh_jti"], jti(&tokens));
    assert_eq!(scene.count("login_succeeded").await, 1);
    let again = Tokens::from(&scene.ask("login", &event).await);
    assert_eq!(jti(&again), jti(&tokens));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_sessions_is_done_once_although_its_process_was_killed() {
    let mut scene = Scene::new().await;
    let (phone, tablet, laptop) = (
        scene.log_in("phone").await,
        scene.log_in("tablet").await,
        scene.log_in("laptop").await,
    );

    let path = format!("/api/v1/sessions/{}", tablet.session);
    let revoke = Event::file("revoke/revoke").bearer(&phone.access).path(&path);
    scene.ask_twice("revoke", "TransactWriteItems", &revoke).await;
    assert_eq!(scene.count("session_revoked").await, 1);

    let others = Event::file("logout-all/except-current").bearer(&phone.access);
    let answer = scene.ask_twice("logout-all", "TransactWriteItems", &others).await;
    assert_eq!(answer["count"], 0, "the first request has ended it");
    assert_eq!(scene.count("sessions_revoked").await, 1);

    let logout = Event::file("logout/refresh-token").json(&json!({ "refresh_token": phone.refresh }));
    scene.ask_twice("logout", "TransactWriteItems", &logout).await;
    assert_eq!(scene.count("logout").await, 1);

    let ended = scene.records("SESSION#").await;
    assert_eq!(ended.len(), 3);
    let reason = |tokens: &Tokens| {
        let item = ended
            .iter()
            .find(|item| item["session_id"] == tokens.session.as_str());
        item.unwrap()["revoked_reason"].clone()
    };
    assert_eq!(
        [reason(&phone), reason(&tablet), reason(&laptop)],
        ["logout", "revoked", "logout_all"]
    );
}

/// A table that accepts connections and never answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_whose_table_never_answers_says_so() {
    let scene = Scene::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            connections.push(connection);
        }
    });
    let mut variables = scene.service.variables(&endpoint);
    variables.retain(|(name, _)| name != "TIMEOUT_FACTOR");
    // Lambda's timeout starts with the delivery of the event, not with the process.
    let mut process = start_process("login", &variables).await;
    let event = login("phone").value().to_string();
    let answered = process.invoke(&event).await.expect("it answers");
    let answer = answered.response;
    assert_eq!(answer["statusCode"], 503, "{answer}");
    assert_eq!(answer["headers"]["retry-after"], "1");
}
