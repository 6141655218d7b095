//! Three rotations under continuous traffic.

use std::cell::Cell;

use futures_util::future;
use registry::login;
use serde_json::json;
use tests::{Answer, EMAIL, Event, KeysSecret, PASSWORD, STEPS, TestService};

/// Counts of the traffic.
#[derive(Default)]
struct Tally {
    requests: Cell<u32>,
    done: Cell<bool>,
}

impl Tally {
    #[track_caller]
    fn ok(&self, answer: &Answer) {
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.requests.set(self.requests.get() + 1);
    }

    /// Waits for this many more answers.
    async fn further(&self, requests: u32) {
        let enough = self.requests.get() + requests;
        while self.requests.get() < enough {
            tokio::task::yield_now().await;
        }
    }
}

/// Logs in, lists and refreshes on `signing`, lists on `other`, and keeps one session alive throughout.
async fn traffic(tally: &Tally, signing: &TestService, other: &TestService, device: &str) {
    let lasting = signing.log_in(&format!("{device}, lasting")).await;
    let (mut access, mut refresh) = (lasting.access, lasting.refresh);
    while !tally.done.get() {
        let body = json!({ "email": EMAIL, "password": PASSWORD, "device_id": device });
        let login = signing
            .send(&login::OPERATION, Event::file("login/json").json(&body))
            .await;
        tally.ok(&login);
        let new = login.body["access_token"].as_str().unwrap();
        tally.ok(&other.list(new).await);
        tally.ok(&signing.list(&access).await);
        let refreshed = signing.refresh(&refresh).await;
        tally.ok(&refreshed);
        refresh = refreshed.body["refresh_token"].as_str().unwrap().to_owned();
        access = refreshed.body["access_token"].as_str().unwrap().to_owned();
        tally.ok(&other.list(&access).await);
        let new = login.body["refresh_token"].as_str().unwrap();
        tally.ok(&other.refresh(new).await);
    }
}

/// Instances whose cached keys differ in age. Between steps, the clock advances sometimes by less than the cache's
/// maximum age, sometimes by more.
#[tokio::test]
async fn three_rotations_under_continuous_traffic_refuse_nobody() {
    let (secret, service, rotation) = KeysSecret::in_use().await;
    let resting = service.log_in("resting").await;
    let mut instances = Vec::new();
    for _ in 0..3 {
        instances.push(service.instance(secret.source()).await);
        service.clock.advance(7);
    }
    let tally = Tally::default();
    let first = secret.keys().await;

    let rotations = async {
        for pause in [3, 45, 130] {
            let token = secret.begin().await;
            for step in STEPS {
                secret.step(&rotation, step, &token).await.unwrap();
                tally.further(12).await;
                service.clock.advance(pause);
                tally.further(12).await;
            }
        }
        tally.done.set(true);
    };
    let traffics = (0..3).map(|number| {
        let (signing, other) = (&instances[number], &instances[(number + 1) % 3]);
        let tally = &tally;
        async move { traffic(tally, signing, other, &format!("phone {number}")).await }
    });
    tokio::join!(rotations, future::join_all(traffics));

    let last = secret.keys().await;
    assert_ne!(last.current.public(), first.next.public());
    assert!(tally.requests.get() >= 288, "{} requests", tally.requests.get());
    // Signed by a key retired three rotations ago.
    instances[0].refresh(&resting.refresh).await.ok();
    println!("{} requests, all answered with 200", tally.requests.get());
}
