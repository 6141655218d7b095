//! Everything that can happen to secrets.

use aws_sdk_dynamodb::types::AttributeValue;
use registry::{cleanup, introspection, list, login, logout, logout_all, refresh, rename, revoke};
use serde_json::{Value, json};
use shared::{
    http::{ApiError, ErrorFormat, Operation, Response, SampleToken},
    runtime::respond,
};
use tests::{Event, INTROSPECTION_SECRET, PASSWORD, SampleRequest, TestService, Tokens, claims, forge};

const ADDRESS: &str = "Canary.Anna@Example.com";
const UNKNOWN: &str = "canary.nobody@example.com";
const WRONG: &str = "canary wrong password";
const NEW: &str = "canary new password";
const PROXY: &str = "canary secret of the proxy";
const KEY: &str = "canary-idempotency-key-1";
const PANIC: &str = "canary in a panic";

/// Walks through everything, collecting the secrets that must not appear.
pub struct Walk {
    pub service: TestService,
    /// What each is, and its text.
    pub secrets: Vec<(&'static str, String)>,
}

impl Walk {
    pub async fn new() -> Self {
        let service = TestService::with(&[
            ("TRUSTED_PROXY", "cloudfront"),
            ("CLOUDFRONT_SECRET", PROXY),
            ("RATE_LIMIT_LOGIN_GUESSES", "5"),
            ("RATE_LIMIT_LIST", "30"),
        ])
        .await;
        let mut walk = Self {
            service,
            secrets: Vec::new(),
        };
        for (what, text) in [
            ("an address", ADDRESS),
            ("an unknown address", UNKNOWN),
            ("the usual address", tests::EMAIL),
            ("the password", PASSWORD),
            ("a wrong password", WRONG),
            ("a new password", NEW),
            ("the proxy's secret", PROXY),
            ("an Idempotency-Key", KEY),
            ("what a panic says", PANIC),
        ] {
            walk.secret(what, text);
        }
        let keys = serde_json::to_value(&walk.service.keys).unwrap();
        for key in ["current", "next"] {
            walk.secret("a private key", keys[key].as_str().unwrap());
        }
        walk
    }

    fn secret(&mut self, what: &'static str, text: &str) {
        assert!(text.len() > 8, "{what}: {text:?} would be found by chance");
        self.secrets.push((what, text.to_owned()));
    }

    fn token(&mut self, token: &str) {
        self.secret("a token", token);
        self.secret("a token's claims", token.split('.').nth(1).unwrap());
        self.secret("a token's signature", token.split('.').nth(2).unwrap());
        let jti = claims(token)["jti"].as_str().unwrap().to_owned();
        self.secret("a jti", &jti);
    }

    fn tokens(&mut self, body: &Value) -> Tokens {
        let tokens = Tokens::from(body);
        self.token(&tokens.access);
        self.token(&tokens.refresh);
        if let Some(device_token) = body["device_token"].as_str() {
            self.token(device_token);
        }
        tokens
    }

    async fn log_in(&mut self, device: &str) -> Tokens {
        let body =
            json!({"email": ADDRESS, "password": PASSWORD, "device_name": device, "device_id": device});
        let event = Event::file("login/json")
            .json(&body)
            .header("x-origin-verify", PROXY);
        let body = self.service.send(&login::OPERATION, event).await.ok();
        self.tokens(&body)
    }

    /// Sends a request, which must be refused without showing a secret.
    async fn refused(&self, operation: &Operation, event: Event) {
        let answer = self.service.send(operation, event).await;
        assert!(answer.status >= 400, "{}", answer.body);
        let text = format!("{} {}", answer.headers, answer.body);
        for (what, secret) in &self.secrets {
            assert!(!text.contains(secret.as_str()), "{what} in {text}");
        }
    }

    /// OAuth's endpoints, with tokens and secrets that are good and that are not.
    pub async fn oauth(&mut self) {
        self.secret("an introspection secret", INTROSPECTION_SECRET);
        let authorization =
            Event::file("introspection/introspect").value()["headers"]["authorization"].clone();
        let encoded = authorization
            .as_str()
            .unwrap()
            .trim_start_matches("Basic ")
            .to_owned();
        self.secret("an introspection secret in base64", &encoded);
        let login = self.log_in("oauth").await;
        let samples = SampleRequest::all().into_iter();
        let is_oauth = |sample: &SampleRequest| sample.operation.route.errors == ErrorFormat::OAuth;
        for sample in samples.filter(is_oauth) {
            let form = [
                ("grant_type", "refresh_token"),
                ("token", &login.access),
                ("refresh_token", &login.refresh),
                ("client_secret", INTROSPECTION_SECRET),
            ];
            let event = Event::file(&sample.file);
            let broken = event
                .clone()
                .header("authorization", &format!("Basic x{encoded}"));
            self.refused(sample.operation, broken.form(&form)).await;
            let twice = event.form(&[&form[..], &form[..]].concat());
            self.refused(sample.operation, twice).await;
        }
        let introspected = Event::file("introspection/introspect").form(&[("token", &login.access)]);
        self.service
            .send(&introspection::OPERATION, introspected)
            .await
            .ok();
        let refreshed = Event::file("refresh/oauth").refresh_token(&login.refresh);
        let refreshed = self.service.send(&refresh::TOKEN, refreshed).await.ok();
        let tokens = self.tokens(&refreshed);
        let revoked = Event::file("logout/oauth-refresh-token").form(&[("token", &tokens.refresh)]);
        self.service.send(&logout::REVOKE_TOKEN, revoked).await.ok();
        let over = Event::file("refresh/oauth").refresh_token(&tokens.refresh);
        self.refused(&refresh::TOKEN, over).await;
    }

    pub async fn logins(&mut self) {
        let event = |body: Value| Event::file("login/json").json(&body);
        for email in [ADDRESS, UNKNOWN] {
            for _ in 0..6 {
                self.refused(
                    &login::OPERATION,
                    event(json!({"email": email, "password": WRONG})),
                )
                .await;
            }
        }
        // A source leaves one refused login a minute.
        for _ in 0..3 {
            self.service.clock.advance(60);
            for email in [ADDRESS, UNKNOWN] {
                let guess = event(json!({"email": email, "password": WRONG, "device_token": WRONG}));
                self.refused(&login::OPERATION, guess).await;
            }
        }
        self.service.clock.advance(60);
        self.refused(
            &login::OPERATION,
            event(json!({"email": PASSWORD, "password": ADDRESS})),
        )
        .await;
        self.refused(
            &login::OPERATION,
            event(json!({"email": ADDRESS, "password": [PASSWORD]})),
        )
        .await;
        self.refused(
            &login::OPERATION,
            event(json!({"email": ADDRESS, "password": PASSWORD.repeat(20)})),
        )
        .await;
        self.refused(
            &login::OPERATION,
            event(json!({"email": ADDRESS, "password": PASSWORD, "device_id": 5})),
        )
        .await;
        self.refused(
            &login::OPERATION,
            Event::file("login/json").text(&format!("{{\"password\": \"{PASSWORD}")),
        )
        .await;
        self.refused(
            &login::OPERATION,
            Event::file("login/json").text(&format!("{PASSWORD}{}", "x".repeat(20_000))),
        )
        .await;
        let form = format!("username={ADDRESS}&password={PASSWORD}&password={WRONG}");
        self.refused(&login::OPERATION, Event::file("login/form").text(&form))
            .await;
        self.refused(
            &login::OPERATION,
            Event::file("login/json").header("content-type", PASSWORD),
        )
        .await;
    }

    pub async fn sessions(&mut self) {
        let (phone, tablet, laptop) = (
            self.log_in("phone").await,
            self.log_in("tablet").await,
            self.log_in("laptop").await,
        );
        let rotated = self.service.refresh_with_key(&phone.refresh, KEY).await.ok();
        let rotated = self.tokens(&rotated);
        let again = self.service.refresh_with_key(&phone.refresh, KEY).await.ok();
        self.tokens(&again);
        self.service.list(&rotated.access).await.ok();
        self.service.activity(&rotated.access, "").await.ok();
        let event = Event::file("rename/rename").bearer(&rotated.access);
        let event = event.path(&format!("/api/v1/sessions/{}", tablet.session));
        self.service.send(&rename::OPERATION, event).await.ok();
        self.service.revoke(&rotated.access, &tablet.session).await.ok();
        self.service
            .send(
                &cleanup::OPERATION,
                Event::file("cleanup/cleanup").bearer(&rotated.access),
            )
            .await
            .ok();
        let body = json!({"refresh_token": laptop.refresh});
        self.service
            .send(
                &logout::OPERATION,
                Event::file("logout/refresh-token").json(&body),
            )
            .await
            .ok();

        let key = &self.service.keys.next;
        let forged = forge(key, "an unknown key", "at+jwt", &claims(&rotated.access));
        self.token(&forged);
        for token in [&forged, &tablet.refresh, &tablet.access] {
            for sample in SampleRequest::first_with(SampleToken::AccessInHeader) {
                // Logging out of an ended session succeeds.
                if sample.operation.id != logout::OPERATION.id {
                    self.refused(sample.operation, sample.event(token)).await;
                }
            }
            self.refused(
                &refresh::OPERATION,
                Event::file("refresh/json").json(&json!({"refresh_token": token, "x": 1})),
            )
            .await;
        }
        self.refused(
            &list::OPERATION,
            Event::file("list/list").header("authorization", &rotated.access),
        )
        .await;
        self.refused(
            &revoke::OPERATION,
            Event::file("revoke/revoke")
                .bearer(&rotated.access)
                .path("/api/v1/sessions/x"),
        )
        .await;
        self.service.clock.advance(60);
        let replay = self.service.refresh(&phone.refresh).await;
        replay.refused(401, "refresh_token_reused");
        let last = self.log_in("phone").await;
        self.service
            .send(
                &logout_all::OPERATION,
                Event::file("logout-all/all").bearer(&last.access),
            )
            .await
            .ok();
    }

    pub async fn tickets(&mut self) {
        for command in [
            json!({"email": UNKNOWN}),
            json!({"e-mail": ADDRESS}),
            json!({"email": PASSWORD}),
        ] {
            self.service.ask_for_ticket(command).await;
        }
        let mut made = Vec::new();
        for _ in 0..3 {
            let ticket = self.service.ticket(json!({"email": ADDRESS})).await;
            self.secret("a ticket", &ticket);
            self.secret("a ticket's random part", ticket.split('.').nth(1).unwrap());
            made.push(ticket);
        }
        let body = self.service.redeem(&made[0], "phone", Some(KEY)).await.ok();
        self.tokens(&body);
        let event = |ticket: &str| Event::file("login/json").json(&json!({"ticket": ticket}));
        self.refused(&login::OPERATION, event(&made[0])).await;
        self.refused(&login::OPERATION, event(&format!("{}x", made[1])))
            .await;
        let both = json!({"ticket": made[1], "password": PASSWORD});
        self.refused(&login::OPERATION, Event::file("login/json").json(&both))
            .await;
        self.service.clock.advance(60);
        for ticket in &made {
            self.refused(&login::OPERATION, event(ticket)).await;
        }
    }

    pub async fn commands(&mut self) {
        for command in [
            json!({"action": "create_user", "email": ADDRESS, "password": PASSWORD}),
            json!({"action": "create_user", "email": ADDRESS, "password": PASSWORD}),
            json!({"action": "create_user", "email": UNKNOWN, "password": [NEW]}),
            json!({"action": "create_user", "email": PASSWORD, "password": NEW}),
            json!({"action": "create_user", "e-mail": UNKNOWN, "password": NEW}),
            json!({"action": "get_user", "email": ADDRESS}),
            json!({"action": "get_user", "email": UNKNOWN}),
            json!({"action": NEW, "email": UNKNOWN}),
        ] {
            self.service.admin(command).await;
        }
    }

    /// Failures caused only by bugs, a broken table or manual changes.
    pub async fn failures(&mut self) {
        let login = self.log_in("phone").await;
        let session = self.service.session_item(&login.session).await;
        self.service
            .tamper(&session, "created_at", AttributeValue::S("yesterday".to_owned()))
            .await;
        self.refused(&list::OPERATION, Event::file("list/list").bearer(&login.access))
            .await;
        let items = self.service.items().await;
        let is_ours = |item: &&Value| item["sk"] == "CREDENTIAL" && item["email_as_typed"] == ADDRESS;
        let credential = items.iter().find(is_ours).unwrap();
        let hash = credential["password_hash"]
            .as_str()
            .unwrap()
            .replace("$argon2id$", "$argon2xd$");
        self.service
            .tamper(credential, "password_hash", AttributeValue::S(hash))
            .await;
        let right = Event::file("login/json").json(&json!({"email": ADDRESS, "password": PASSWORD}));
        self.refused(&login::OPERATION, right.clone()).await;
        self.note_stored().await;

        let panicked = respond(
            &list::FUNCTION,
            &self.service.state.config,
            &(),
            Event::file("list/list")
                .header("x-origin-verify", PROXY)
                .request(),
            |(), _| Box::pin(async { Err::<Response, ApiError>(explode()) }),
        );
        assert_eq!(panicked.await.status(), 500);

        self.service.lose_table().await;
        self.refused(&login::OPERATION, right).await;
        self.refused(&list::OPERATION, Event::file("list/list").bearer(&login.access))
            .await;
        self.refused(
            &refresh::OPERATION,
            Event::file("refresh/json").json(&json!({"refresh_token": login.refresh})),
        )
        .await;
        self.service
            .admin(json!({"action": "create_user", "email": UNKNOWN, "password": NEW}))
            .await;
    }

    /// Stored secrets must not be logged either.
    pub async fn note_stored(&mut self) {
        for item in self.service.items().await {
            for name in [
                "password_hash",
                "refresh_jti",
                "previous_jti",
                "rotation_key",
                "ticket_hash",
            ] {
                if let Some(text) = item[name].as_str() {
                    self.secret("a stored secret", text);
                }
            }
        }
    }
}

fn explode() -> ApiError {
    panic!("{PANIC}")
}
