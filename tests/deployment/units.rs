//! The units that each operation consumes, as in docs/operations.md.
//!
//! Measured on the embedded DynamoDB, which counts as Amazon documents. Amazon's DynamoDB Local does not: an item in a
//! transaction is four units there instead of two. Leaves out the read of the key set, once a minute per instance.

use std::{collections::BTreeSet, path::Path};

use registry::{activity, cleanup, jwks, list, login, logout, logout_all, refresh, rename, revoke};
use serde_json::json;
use shared::{domain::rate::Rule, http::Operation};
use testkit::Units;
use tests::{EMAIL, Event, PASSWORD, SampleRequest, TestService, Tokens};

/// Checks that the documentation has this figure.
fn documented(operation: &str, units: Units) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let row = format!("| {operation} | {} | {} |", units.write, units.read);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(&row), "docs/operations.md lacks this row: {row}");
}

/// A service with a deployment's limits, since counting costs too. It has read its keys, and its meter is at zero.
async fn service() -> TestService {
    let service = TestService::embedded(&Rule::ALL.map(|rule| (rule.variable(), ""))).await;
    service.state.keys.warm(1).await;
    service.calls.meter.take();
    service
}

async fn log_in(service: &TestService, device: &str) -> Tokens {
    let tokens = service.log_in(device).await;
    service.clock.advance(61); // leaves the rate limit window
    service.state.keys.warm(1).await;
    service.calls.meter.take();
    tokens
}

/// The operations measured so far.
#[derive(Default)]
struct Measured(BTreeSet<&'static str>);

impl Measured {
    /// Sends an event, which must succeed. Checks the units consumed, and that a function that opens several
    /// connections at start uses as many.
    async fn consumes(&mut self, service: &TestService, row: &str, operation: &Operation, event: Event) {
        service.calls.meter.take_most_at_once();
        service.send(operation, event).await.ok();
        documented(row, service.calls.meter.take());
        // Functions that open more than the key set's connection must use all of them at once.
        let used = service.calls.meter.take_most_at_once();
        let opened = registry::endpoint(operation).function.connections;
        assert!(
            opened == 1 || opened == used,
            "{row}: {opened} opened, {used} used"
        );
        self.0.insert(operation.id);
    }
}

#[tokio::test]
async fn every_operation_consumes_what_is_documented() {
    let mut measured = Measured::default();
    logging_in(&mut measured).await;
    refreshing(&mut measured).await;
    reading(&mut measured).await;
    ending_sessions(&mut measured).await;
    others(&mut measured).await;
    let all: BTreeSet<_> = registry::endpoints()
        .map(|endpoint| endpoint.operation.id)
        .collect();
    assert_eq!(measured.0, all);
}

/// Operations without a scene of their own below: the first sample request, of an account with one session. The row has
/// the function's name.
async fn others(measured: &mut Measured) {
    for sample in SampleRequest::all() {
        if !measured.0.contains(sample.operation.id) {
            let service = service().await;
            let tokens = log_in(&service, "phone").await;
            let function = registry::endpoint(sample.operation).function;
            let row = match function.operations() {
                [_] => function.name,
                _ => sample.operation.id,
            };
            measured
                .consumes(
                    &service,
                    row,
                    sample.operation,
                    sample.event(&service.token_at(sample.token, &tokens).await),
                )
                .await;
        }
    }
}

async fn logging_in(measured: &mut Measured) {
    let service = service().await;
    let body = |password: &str| json!({ "email": EMAIL, "password": password, "device_id": "phone" });
    let event = |password| Event::file("login/json").json(&body(password));
    measured
        .consumes(
            &service,
            "login on a new device",
            &login::OPERATION,
            event(PASSWORD),
        )
        .await;
    service.clock.advance(1);
    measured
        .consumes(
            &service,
            "login on the same device again",
            &login::OPERATION,
            event(PASSWORD),
        )
        .await;
    service
        .send(&login::OPERATION, event("a wrong password"))
        .await
        .refused(401, "invalid_credentials");
    documented("login with a wrong password", service.calls.meter.take());
    let ticket = service.ticket(json!({ "email": EMAIL })).await;
    documented("a ticket", service.calls.meter.take());
    let body = json!({ "ticket": ticket, "device_id": "tablet" });
    let event = Event::file("login/ticket").json(&body);
    measured
        .consumes(&service, "login with a ticket", &login::OPERATION, event)
        .await;
}

async fn refreshing(measured: &mut Measured) {
    let service = service().await;
    let tokens = log_in(&service, "phone").await;
    let event = Event::file("refresh/idempotent").json(&json!({ "refresh_token": tokens.refresh }));
    measured
        .consumes(&service, "refresh", &refresh::OPERATION, event)
        .await;
}

async fn reading(measured: &mut Measured) {
    let service = service().await;
    let tokens = log_in(&service, "device-0").await;
    measured
        .consumes(
            &service,
            "list of one session",
            &list::OPERATION,
            Event::file("list/list").bearer(&tokens.access),
        )
        .await;
    for device in 1..20 {
        log_in(&service, &format!("device-{device}")).await;
    }
    let tokens = service.refresh(&tokens.refresh).await.ok();
    let access = Tokens::from(&tokens).access;
    service.calls.meter.take();
    measured
        .consumes(
            &service,
            "list of 20 sessions",
            &list::OPERATION,
            Event::file("list/list").bearer(&access),
        )
        .await;
    let event = Event::file("activity/first-page").query("").bearer(&access);
    measured
        .consumes(&service, "activity of 21 events", &activity::OPERATION, event)
        .await;
    measured
        .consumes(
            &service,
            "public keys",
            &jwks::PUBLIC_KEYS,
            Event::file("jwks/jwks"),
        )
        .await;
    for (operation, file) in [
        (&jwks::METADATA, "jwks/metadata"),
        (&jwks::OPENID_CONFIGURATION, "jwks/openid-configuration"),
    ] {
        service.send(operation, Event::file(file)).await.ok();
        let units = service.calls.meter.take();
        assert_eq!(units, Units::default(), "metadata is not in the table");
        measured.0.insert(operation.id);
    }
}

async fn ending_sessions(measured: &mut Measured) {
    let service = service().await;
    let phone = log_in(&service, "phone").await;
    let tablet = log_in(&service, "tablet").await;
    let event = Event::file("rename/rename").bearer(&tablet.access);
    let event = event.path(&format!("/api/v1/sessions/{}", phone.session));
    measured
        .consumes(&service, "rename", &rename::OPERATION, event)
        .await;
    let event = Event::file("revoke/revoke").bearer(&tablet.access);
    let event = event.path(&format!("/api/v1/sessions/{}", phone.session));
    measured
        .consumes(&service, "revoke", &revoke::OPERATION, event)
        .await;
    let event = Event::file("cleanup/cleanup").bearer(&tablet.access);
    measured
        .consumes(&service, "cleanup of nothing", &cleanup::OPERATION, event)
        .await;
    measured
        .consumes(
            &service,
            "logout",
            &logout::OPERATION,
            Event::file("logout/access-token").bearer(&tablet.access),
        )
        .await;
    log_in(&service, "phone").await;
    log_in(&service, "tablet").await;
    let laptop = log_in(&service, "laptop").await;
    let event = Event::file("logout-all/all").bearer(&laptop.access);
    measured
        .consumes(
            &service,
            "logout from three sessions",
            &logout_all::OPERATION,
            event,
        )
        .await;
}

/// With all that a phone sends, whichever way its session was opened: the record stays under 1 KB. (In the first five
/// minutes after a ticket's login, while the ticket might still come back, it is 77 bytes longer.)
#[tokio::test]
async fn a_refresh_of_a_real_phone_is_one_unit() {
    const AGENT: &str = "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like \
                         Gecko) Version/4.0 Chrome/126.0.6478.134 Mobile Safari/537.36 \
                         [FBAN/EMA;FBLC/de_DE;FBAV/414.0.0.15.102;FBCX/modulariab;]";
    const KEY: &str = "5e1d0c6a-93f4-4b7e-8a35-0f4c2b9e7d18";
    let secret = "a secret of some length";
    let service =
        TestService::embedded(&[("TRUSTED_PROXY", "cloudfront"), ("CLOUDFRONT_SECRET", secret)]).await;
    let from_phone = |event: Event| {
        event
            .header("user-agent", AGENT)
            .header("idempotency-key", KEY)
            .header("x-device-name", "Anna-Katharinas Galaxy S23 Ultra")
            .header(
                "cloudfront-viewer-address",
                "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:443",
            )
            .header("cloudfront-viewer-city", "San Francisco")
            .header("cloudfront-viewer-country", "US")
    };
    let ticket = json!({ "email": EMAIL, "amr": ["hwk", "user", "mfa"], "expires_in": 300 });
    let ticket = service.ticket(ticket).await;
    let device = "8d3f8629-796d-4fb2-8a0c-6dc88a017ecf";
    let bodies = [
        json!({ "ticket": ticket, "device_id": device }),
        json!({ "email": EMAIL, "password": PASSWORD, "device_id": "another" }),
    ];
    for body in bodies {
        let opened = from_phone(Event::file("login/json").json(&body));
        let mut tokens = Tokens::from(&service.send(&login::OPERATION, opened).await.ok());
        let name = json!({ "device_name": "Annas Diensthandy (nicht verleihen)" });
        let event = Event::file("rename/rename").bearer(&tokens.access).json(&name);
        let event = event.path(&format!("/api/v1/sessions/{}", tokens.session));
        service.send(&rename::OPERATION, event).await.ok();
        for _ in 0..2 {
            service.clock.advance(720);
            service.calls.meter.take();
            let body = json!({ "refresh_token": tokens.refresh });
            let event = from_phone(Event::file("refresh/idempotent").json(&body));
            tokens = Tokens::from(&service.send(&refresh::OPERATION, event).await.ok());
            let units = service.calls.meter.take().write;
            assert!((units - 1.0).abs() < 0.1, "{units}");
        }
    }
}
