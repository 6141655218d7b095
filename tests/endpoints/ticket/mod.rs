//! `ticket`, and logins with what it makes.

mod again;
mod ends;
mod making;
mod redeeming;

use serde_json::{Value, json};
use tests::{Answer, EMAIL, TestService};

const KEY: &str = "the-first-key-of-the-app";
const OTHER_KEY: &str = "another-key-of-somebody";

fn for_demo() -> Value {
    json!({ "email": EMAIL })
}

fn with(command: Value, field: &str, value: Value) -> Value {
    let mut command = command;
    command[field] = value;
    command
}

#[track_caller]
fn refused(answer: &Value, code: &str) {
    assert_eq!(answer["ok"], false, "{answer}");
    assert_eq!(answer["error"]["code"], code, "{answer}");
}

fn invalid(answer: &Answer) {
    answer.refused(401, "invalid_ticket");
}

async fn sessions(service: &TestService) -> Vec<Value> {
    let answer = service
        .admin(json!({ "action": "list_sessions", "email": EMAIL }))
        .await;
    answer["sessions"].as_array().unwrap().clone()
}

async fn ends(service: &TestService) -> Vec<String> {
    let sessions = sessions(service).await;
    let reason = |session: &Value| session["ended_reason"].as_str().map(str::to_owned);
    sessions.iter().filter_map(reason).collect()
}

/// The tickets on the account's credential.
async fn stored(service: &TestService) -> Vec<Value> {
    let items = service.items().await;
    let credential = items.iter().find(|item| item["sk"] == "CREDENTIAL").unwrap();
    credential["tickets"].as_array().cloned().unwrap_or_default()
}
