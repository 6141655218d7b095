//! Creating, showing, disabling and enabling accounts; passwords and their hashes.

use futures_util::future::join_all;
use registry::login;
use serde_json::{Value, json};
use tests::{Answer, Event, PASSWORD, TestService};

use super::{ANNA, event, event_with, ok, refused, trail, world_with_anna};

/// [`PASSWORD`], hashed by Python's bcrypt.
const BCRYPT: &str = "$2b$05$iX65k7tksf3FNXZbsnxfVeUmEK4OI.M6UOPtKlaU42JMH0kDAQqmu";
/// [`PASSWORD`] too, hashed more weakly than any test configures.
const WEAK_ARGON2: &str = "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$";

async fn attempt(service: &TestService, email: &str, password: &str, device: &str) -> Answer {
    let body = json!({"email": email, "password": password, "device_id": device});
    service
        .send(&login::OPERATION, Event::file("login/json").json(&body))
        .await
}

async fn stored_hash(service: &TestService, email: &str) -> String {
    let pk = format!("EMAIL#{email}");
    let items = service.items().await;
    let credential = items
        .iter()
        .find(|item| item["pk"] == pk.as_str() && item["sk"] == "CREDENTIAL");
    credential.unwrap()["password_hash"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_account_is_created_once_and_shown() {
    let (service, id) = world_with_anna().await;
    let shown = ok(service.admin(event("get_user")).await);
    let expected = json!({
        "id": id, "email": ANNA, "is_active": true, "is_being_deleted": false,
        "created_at": "2096-10-02T07:06:40Z",
    });
    assert_eq!(shown["user"], expected);
    refused(&service.admin(event("create_user")).await, "already_exists");
    service.log_in_as(ANNA, "phone").await;
}

#[tokio::test]
async fn the_address_as_typed_is_kept_for_display() {
    let service = TestService::new().await;
    let typed = "  J\u{f6}rg.M\u{fc}ller@B\u{fc}cher.Example ";
    let created = ok(service
        .admin(event_with("create_user", &json!({"email": typed})))
        .await);
    assert_eq!(created["user"]["email"], typed.trim());
    let body = json!({"email": "J\u{d6}RG.M\u{dc}LLER@xn--bcher-kva.example", "password": PASSWORD});
    let answer = service
        .send(&login::OPERATION, Event::file("login/json").json(&body))
        .await
        .ok();
    assert_eq!(answer["user"]["email"], typed.trim());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creations_at_once_in_any_spelling_make_one_account() {
    let service = TestService::new().await;
    let spellings = [
        "jos\u{e9}@b\u{fc}cher.example",
        "JOS\u{c9}@B\u{dc}CHER.EXAMPLE",
        "jose\u{301}@bu\u{308}cher.example",
        " jos\u{e9}@xn--bcher-kva.example\t",
        "\u{ff4a}os\u{e9}\u{ff20}B\u{fc}cher\u{3002}example",
    ];
    for round in 0..10 {
        let create = |spelling: &&str| {
            let (service, email) = (&service, spelling.replace('@', &format!("{round}@")));
            let email = email.replace('\u{ff20}', &format!("{round}\u{ff20}"));
            async move {
                service
                    .admin(event_with("create_user", &json!({"email": email})))
                    .await
            }
        };
        let answers = join_all(spellings.iter().map(create)).await;
        let (created, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["ok"] == true);
        assert_eq!(created.len(), 1, "{answers:?}");
        for other in others {
            refused(other, "already_exists");
        }
    }
    let items = service.items().await;
    let count = |sk: &str| items.iter().filter(|item| item["sk"] == sk).count();
    assert_eq!((count("CREDENTIAL"), count("PROFILE")), (11, 11));
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let service = TestService::new().await;
    let before = service.items().await.len();
    let cases = [
        (json!({"email": "anna"}), "email must be"),
        (json!({"password": "short"}), "password must be at least 8"),
        (
            json!({"password": "p".repeat(257)}),
            "password must be at most 256",
        ),
        (
            json!({"password_hash": BCRYPT}),
            "password and password_hash exclude",
        ),
        (
            json!({"password": null, "password_hash": "5f4dcc3b"}),
            "password_hash must be a bcrypt hash",
        ),
        (
            json!({"password": null, "password_hash": &BCRYPT[..59]}),
            "password_hash is no complete bcrypt",
        ),
        (
            json!({"password": null, "password_hash": BCRYPT.replace("$05$", "$15$")}),
            "password_hash is too expensive",
        ),
        (
            json!({"password": null, "password_hash": WEAK_ARGON2}),
            "password_hash is no complete PHC",
        ),
        (json!({"actor": "a\u{7}b"}), "actor must be"),
    ];
    for (fields, message) in cases {
        let answer = service.admin(event_with("create_user", &fields)).await;
        refused(&answer, "validation_failed");
        let told = answer["error"]["message"].as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
    }
    assert_eq!(service.items().await.len(), before);
}

#[tokio::test]
async fn whose_imported_password_is_a_common_one_can_log_in() {
    let service = TestService::new().await;
    let hash = "$2b$05$PuMP0hTsa/wQ9xmrnktKWu5rs7MckqB6hqc4040tj5vimktwkhPdq";
    let fields = json!({"password": null, "password_hash": hash});
    ok(service.admin(event_with("create_user", &fields)).await);
    for device in ["with the old hash", "with the new one"] {
        attempt(&service, ANNA, "password1", device).await.ok();
    }
    assert!(stored_hash(&service, ANNA).await.starts_with("$argon2id$"));
}

#[tokio::test]
async fn an_outdated_hash_is_replaced_at_the_first_login_that_succeeds() {
    let service = TestService::with(&[("ARGON2_MEMORY_KIB", "128")]).await;
    let weaker = TestService::new().await;
    weaker.admin(event("create_user")).await;
    let argon2 = stored_hash(&weaker, ANNA).await;
    assert!(argon2.starts_with("$argon2id$v=19$m=64,"), "{argon2}");
    let hashes = [
        BCRYPT.to_owned(),
        BCRYPT.replace("2b", "2y"),
        BCRYPT.replace("2b", "2a"),
        argon2,
    ];
    for (number, hash) in hashes.iter().enumerate() {
        let email = format!("user{number}@example.com");
        let fields = json!({"email": email, "password": null, "password_hash": hash});
        ok(service.admin(event_with("create_user", &fields)).await);

        attempt(&service, &email, "wrong password", "a")
            .await
            .refused(401, "invalid_credentials");
        assert_eq!(
            stored_hash(&service, &email).await,
            *hash,
            "a wrong password changes nothing"
        );
        attempt(&service, &email, PASSWORD, "a").await.ok();
        let renewed = stored_hash(&service, &email).await;
        assert!(renewed.starts_with("$argon2id$v=19$m=128,t=1,p=1$"), "{renewed}");
        attempt(&service, &email, PASSWORD, "b").await.ok();
        assert_eq!(stored_hash(&service, &email).await, renewed, "once is enough");
        attempt(&service, &email, "wrong password", "a")
            .await
            .refused(401, "invalid_credentials");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_at_once_with_an_outdated_hash_all_succeed() {
    let service = TestService::new().await;
    for round in 0..5 {
        let email = format!("user{round}@example.com");
        let fields = json!({"email": email, "password": null, "password_hash": BCRYPT});
        ok(service.admin(event_with("create_user", &fields)).await);
        let devices = ["a", "b", "c", "d", "e", "f"];
        let logins = devices.map(|device| attempt(&service, &email, PASSWORD, device));
        for answer in join_all(logins).await {
            answer.ok();
        }
        let sessions = ok(service
            .admin(event_with("list_sessions", &json!({"email": email})))
            .await);
        assert_eq!(sessions["active"], 6);
        assert!(stored_hash(&service, &email).await.starts_with("$argon2id$"));
    }
}

#[tokio::test]
async fn a_disabled_account_cannot_log_in_until_it_is_enabled() {
    let (service, _) = world_with_anna().await;
    let (phone, tablet) = (
        service.log_in_as(ANNA, "phone").await,
        service.log_in_as(ANNA, "tablet").await,
    );
    let bystander = service.log_in("phone").await;
    service.clock.advance(1);
    let answer = ok(service.admin(event("disable_user")).await);
    assert_eq!(
        (&answer["user"]["is_active"], &answer["sessions_ended"]),
        (&json!(false), &json!(2))
    );
    for tokens in [&phone, &tablet] {
        service.list(&tokens.access).await.refused(401, "session_revoked");
        service
            .refresh(&tokens.refresh)
            .await
            .refused(401, "session_revoked");
        assert_eq!(
            service.session_item(&tokens.session).await["revoked_reason"],
            "account_disabled"
        );
    }
    service.list(&bystander.access).await.ok();
    attempt(&service, ANNA, PASSWORD, "phone")
        .await
        .refused(401, "account_inactive");
    attempt(&service, ANNA, "wrong password", "phone")
        .await
        .refused(401, "invalid_credentials");

    let written = trail(&service).await.len();
    let again = ok(service.admin(event("disable_user")).await);
    assert_eq!(
        (&again["user"], &again["sessions_ended"]),
        (&answer["user"], &json!(0))
    );
    assert_eq!(
        trail(&service).await.len(),
        written,
        "nothing changed, so no event"
    );

    assert_eq!(
        ok(service.admin(event("enable_user")).await)["user"]["is_active"],
        true
    );
    ok(service.admin(event("enable_user")).await);
    assert_eq!(trail(&service).await.len(), written + 1);
    service.log_in_as(ANNA, "phone").await;
    service.list(&phone.access).await.refused(401, "session_revoked");
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_the_old_password() {
    let (service, _) = world_with_anna().await;
    let phone = service.log_in_as(ANNA, "phone").await;
    let bystander = service.log_in("phone").await;
    service.clock.advance(1);
    let answer = ok(service.admin(event("set_password")).await);
    assert_eq!(answer["sessions_ended"], 1);
    service
        .refresh(&phone.refresh)
        .await
        .refused(401, "session_revoked");
    assert_eq!(
        service.session_item(&phone.session).await["revoked_reason"],
        "password_changed"
    );
    service.list(&bystander.access).await.ok();
    attempt(&service, ANNA, PASSWORD, "phone")
        .await
        .refused(401, "invalid_credentials");
    let new = event("set_password")["password"].as_str().unwrap().to_owned();
    attempt(&service, ANNA, &new, "phone").await.ok();
    let mut types: Vec<_> = trail(&service)
        .await
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    types.sort_by_key(Value::to_string);
    let expected = [
        "account_created",
        "login_failed",
        "login_succeeded",
        "login_succeeded",
        "password_changed",
        "sessions_revoked",
    ];
    assert_eq!(types, expected);
    let short = service
        .admin(event_with("set_password", &json!({"password": "short"})))
        .await;
    refused(&short, "validation_failed");
}

#[tokio::test]
async fn more_sessions_than_one_transaction_holds_end_with_the_account() {
    let (service, _) = world_with_anna().await;
    for number in 0..90 {
        service.log_in_as(ANNA, &format!("device-{number}")).await;
    }
    assert_eq!(
        ok(service.admin(event("disable_user")).await)["sessions_ended"],
        90
    );
}
