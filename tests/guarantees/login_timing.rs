//! How long logins take, by outcome: a benchmark, not a test.
//!
//!     cargo run --release -p tests --example login-timing [ROUNDS]
//!
//! The cases take turns, so that the machine's other load affects all alike. All but the two dearer hashes must be
//! indistinguishable: those take their own time until their owners log in and they are replaced.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use registry::login;
use serde_json::json;
use tests::{Event, PASSWORD, TestService};
use tokio::time::Instant;

const ROUNDS: usize = 200;

/// A bcrypt hash of an unknown password, at cost 10, which most systems use.
const BCRYPT: &str = "$2b$10$iX65k7tksf3FNXZbsnxfVeUmEK4OI.M6UOPtKlaU42JMH0kDAQqmu";

/// An Argon2 hash of an unknown password.
const ARGON2: &str =
    "$argon2id$v=19$PARAMS$c29tZXNhbHRzb21lc2FsdA$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA";

/// Each case with its email, its password, the answer that it must get, and whose device token it presents.
const CASES: [(&str, &str, &str, &str, Option<&str>); 12] = [
    (
        "unknown address",
        "nobody@example.com",
        "wrong password",
        "invalid_credentials",
        None,
    ),
    (
        "wrong password",
        "anna@example.com",
        "wrong password",
        "invalid_credentials",
        None,
    ),
    (
        "account without a password",
        "passkey@example.com",
        "wrong password",
        "invalid_credentials",
        None,
    ),
    (
        "wrong password, 20 sessions",
        "busy@example.com",
        "wrong password",
        "invalid_credentials",
        None,
    ),
    (
        "inactive account, wrong password",
        "idle@example.com",
        "wrong password",
        "invalid_credentials",
        None,
    ),
    (
        "inactive account, right password",
        "idle@example.com",
        PASSWORD,
        "account_inactive",
        None,
    ),
    (
        "wrong password, device token of the account",
        "anna@example.com",
        "wrong password",
        "invalid_credentials",
        Some("anna@example.com"),
    ),
    (
        "wrong password, device token of another address",
        "anna@example.com",
        "wrong password",
        "invalid_credentials",
        Some("busy@example.com"),
    ),
    (
        "cheaper Argon2 hash, wrong password",
        "cheap@example.com",
        "wrong password",
        "invalid_credentials",
        None,
    ),
    (
        "cheaper bcrypt hash (cost 8), wrong password",
        "old-cheap@example.com",
        "wrong password",
        "invalid_credentials",
        None,
    ),
    (
        "dearer Argon2 hash (m=65536, t=3), wrong password",
        "dear@example.com",
        "wrong password",
        "invalid_credentials",
        None,
    ),
    (
        "dearer bcrypt hash (cost 10), wrong password",
        "old@example.com",
        "wrong password",
        "invalid_credentials",
        None,
    ),
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rounds = std::env::args()
        .nth(1)
        .map_or(ROUNDS, |rounds| rounds.parse().expect("ROUNDS is a number"));
    let service = TestService::with(&[
        ("ARGON2_MEMORY_KIB", ""),
        ("ARGON2_ITERATIONS", ""),
        ("RATE_LIMIT_LOGIN_IP", "1000000"),
        ("RATE_LIMIT_LOGIN_GUESSES", "1000000"),
        ("RATE_LIMIT_LOGIN_ACCOUNT", "1000000"),
        ("RATE_LIMIT_LOGIN_ACCOUNT_DAY", "1000000"),
        ("RATE_LIMIT_LOGIN_DEVICE", "1000000"),
    ])
    .await;
    for email in [
        "anna@example.com",
        "busy@example.com",
        "idle@example.com",
        "old@example.com",
        "old-cheap@example.com",
        "cheap@example.com",
        "dear@example.com",
    ] {
        service.create_user(email).await;
    }
    let command = json!({"action": "create_user", "email": "passkey@example.com"});
    assert_eq!(service.admin(command).await["ok"], true);
    for session in 0..20 {
        service
            .log_in_as("busy@example.com", &format!("device {session}"))
            .await;
    }
    set(
        &service,
        "idle@example.com",
        "is_active",
        AttributeValue::Bool(false),
    )
    .await;
    for (email, hash) in [
        ("old@example.com", BCRYPT.to_owned()),
        ("old-cheap@example.com", BCRYPT.replace("$10$", "$08$")),
        ("cheap@example.com", ARGON2.replace("PARAMS", "m=9216,t=1,p=1")),
        ("dear@example.com", ARGON2.replace("PARAMS", "m=65536,t=3,p=1")),
    ] {
        set(&service, email, "password_hash", AttributeValue::S(hash)).await;
    }

    let mut tokens = BTreeMap::new();
    for email in ["anna@example.com", "busy@example.com"] {
        let event = Event::file("login/json").json(&json!({"email": email, "password": PASSWORD}));
        let body = service.send(&login::OPERATION, event).await.ok();
        tokens.insert(email, body["device_token"].clone());
    }

    eprintln!("{rounds} rounds of {} logins …", CASES.len());
    let mut times = CASES.map(|_| Vec::with_capacity(rounds));
    // The first round warms up.
    for round in 0..=rounds {
        for ((_, email, password, code, device), times) in CASES.iter().zip(&mut times) {
            let token = device.map(|owner| &tokens[owner]);
            let body = json!({"email": email, "password": password, "device_token": token});
            let event = Event::file("login/json").json(&body);
            let start = Instant::now();
            let answer = service.send(&login::OPERATION, event).await;
            let took = start.elapsed();
            assert_eq!(answer.body["code"], *code, "{}", answer.body);
            if round > 0 {
                times.push(took);
            }
        }
        if round % 50 == 49 {
            eprintln!("  {} of {rounds}", round + 1);
        }
    }
    println!("| login | median | half of them within | 90 % under |");
    println!("|---|---|---|---|");
    for ((case, ..), mut times) in CASES.into_iter().zip(times) {
        times.sort();
        let at = |percent: usize| milliseconds(times[(times.len() - 1) * percent / 100]);
        println!("| {case} | {} | {} to {} | {} |", at(50), at(25), at(75), at(90));
    }
}

async fn set(service: &TestService, email: &str, attribute: &str, value: AttributeValue) {
    let items = service.items().await;
    let credential = items.iter().find(|item| item["pk"] == format!("EMAIL#{email}"));
    service
        .tamper(credential.expect("the account was created"), attribute, value)
        .await;
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
