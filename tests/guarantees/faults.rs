//! Every call of the table fails in every way: an operation's first, its second, and so on.
//!
//! Each time the caller gets the right answer or a 503 with `Retry-After`, and retries the request, as a phone does.
//! Then answers and table must be those of a service without faults, in which the first request was executed or not.
//! `FAULTS=all` also tries each fault for each duration.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{StreamExt, future::ready, stream};
use shared::runtime::Timeouts;
use testkit::{Fault, FaultDuration, Injection};
use tests::{Answer, TestService};

use crate::guarantees::{
    model::{
        ModelRun, Play,
        explain::{Call, Order},
        operations::{
            Command::{Delete, Disable, Enable, RevokeAll, RevokeSession, SetPassword},
            Operation::{self, Cleanup, Command, List, Login, Logout, Revoke},
            Proof, Target,
        },
        phone::asked,
        state::Rules,
    },
    races::{
        FULL, FULL_TICKET, TICKET, TWO, logout_all, logout_others, on, redeem, refresh, refresh_with, rename,
        revoke, wait,
    },
    sequences::said,
};

const RULES: Rules = Rules {
    // Counted, so that counting fails too, but never refused.
    requests: 1_000_000,
    ..Rules::SHORT
};

/// An operation that meets faults, and those before it.
#[derive(Clone, Debug)]
struct Scene {
    before: Vec<Operation>,
    operation: Operation,
    /// Codes that may refuse a retry.
    refused: Vec<&'static str>,
}

impl Scene {
    fn new(before: &[Operation], operation: Operation) -> Self {
        Self {
            before: before.to_vec(),
            operation,
            refused: Vec::new(),
        }
    }

    /// `code` may refuse a retry.
    fn or(mut self, code: &'static str) -> Self {
        self.refused.push(code);
        self
    }
}

const fn token(of: usize, key: Option<u8>) -> Operation {
    Operation::Token { of, key }
}

fn scenes() -> Vec<Scene> {
    let replayed = [on(0), on(1), refresh(1), wait(60)];
    let expired = [on(0), on(1), wait(3500), refresh(1), wait(4000)];
    let stolen = [Operation::Ticket, redeem(0, Some(0)), wait(40)];
    let four = [const { Operation::Ticket }; 4];
    let wrong = Login {
        device: Some(0),
        password: 1,
    };
    let foreign = Revoke {
        by: 0,
        target: Target::Foreign,
    };
    vec![
        Scene::new(&[], on(0)),
        Scene::new(&TWO, on(1)),
        Scene::new(&FULL, on(3)),
        Scene::new(&expired, on(2)),
        Scene::new(&TICKET, redeem(3, Some(0))),
        Scene::new(&TICKET, redeem(3, None)),
        Scene::new(&FULL_TICKET, redeem(4, Some(0))),
        Scene::new(&stolen, redeem(0, None)).or("invalid_ticket"),
        Scene::new(&TWO, Operation::Ticket),
        Scene::new(&four, Operation::Ticket),
        Scene::new(&TWO, wrong).or("invalid_credentials"),
        Scene::new(&TWO, refresh(2)),
        Scene::new(&TWO, refresh_with(2, 0)),
        Scene::new(&TWO, refresh(1)),
        Scene::new(&replayed, refresh(1))
            .or("refresh_token_reused")
            .or("session_revoked"),
        Scene::new(&TWO, token(2, None)),
        Scene::new(&TWO, token(2, Some(0))),
        Scene::new(&replayed, token(1, None))
            .or("refresh_token_reused")
            .or("session_revoked"),
        Scene::new(&TWO, Operation::RevokeToken { of: 2 }),
        Scene::new(&TWO, Logout(Proof::Access(2))),
        Scene::new(
            &TWO,
            Logout(Proof::Both {
                access: 0,
                refresh: 2,
            }),
        ),
        Scene::new(&TWO, revoke(0, 1)),
        // Callers who revoke their own session by access token have the retry refused: they are logged out.
        Scene::new(&TWO, revoke(2, 1)).or("session_revoked"),
        Scene::new(&TWO, rename(0, 1)),
        Scene::new(&TWO, rename(2, 1)),
        Scene::new(&TWO, foreign).or("not_your_session"),
        Scene::new(&FULL, logout_all(3)).or("session_revoked"),
        Scene::new(&FULL, logout_others(3)),
        Scene::new(&expired, Cleanup { by: 3 }),
        Scene::new(&TWO, List { by: 0 }),
        Scene::new(&TWO, Command(Disable)),
        Scene::new(&[on(0), Command(Disable)], Command(Enable)),
        Scene::new(&TWO, Command(SetPassword(1))),
        Scene::new(&TWO, Command(RevokeSession(1))),
        Scene::new(&TICKET, Command(RevokeAll)),
        Scene::new(&TWO, Command(Delete)).or("not_found"),
    ]
}

#[test]
fn every_operation_that_writes_meets_faults() {
    let scenes = scenes();
    let met: BTreeSet<_> = scenes
        .iter()
        .filter_map(|scene| Some(asked(&scene.operation)?.id))
        .collect();
    for endpoint in registry::endpoints().filter(|endpoint| endpoint.operation.writes) {
        let id = endpoint.operation.id;
        assert!(
            met.contains(id),
            "tests/guarantees/faults.rs has no scene of {id}, which writes"
        );
    }
}

/// When a delayed request arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    BeforeTheRepeat,
    AfterTheRepeat,
}

async fn meet(stage: &ModelRun, scene: &Scene, injection: Injection, arrival: Arrival) {
    let mut play = stage.play(&scene.before).await;
    let takes_time = [Fault::Slow, Fault::Silent].contains(&injection.fault);
    let generous = play.service.twin().await;
    let instance = if takes_time {
        &play.service.twin_with(Timeouts::default()).await
    } else {
        &generous
    };
    instance.connection.inject(injection);
    let first = request(&play, instance, scene).await;
    let failed = instance.connection.heal();
    // On a busy machine the request may have timed out before.
    assert!(failed > 0 || takes_time && first.status == 503, "nothing failed");
    if first.status == 503 {
        // `admin` has a code for it and no headers.
        if !first.headers.is_null() {
            if first.body["title"].is_string() {
                first.refused(503, "unavailable");
            }
            assert_eq!(first.body["code"], "unavailable");
            assert_eq!(first.headers["retry-after"], "1");
        }
        let is_brief = injection.lasting == FaultDuration::Attempt && !takes_time;
        assert!(!is_brief, "one failed attempt must not reach the caller");
    }
    if arrival == Arrival::BeforeTheRepeat {
        instance.connection.deliver_late().await;
    }
    play.next += 1;
    let repeat = request(&play, &generous, scene).await;
    if arrival == Arrival::AfterTheRepeat {
        instance.connection.deliver_late().await;
    }
    let code = repeat.body["code"]
        .as_str()
        .or(repeat.body["error"]["code"].as_str());
    let is_right = repeat.status == 200 || code.is_some_and(|code| scene.refused.contains(&code));
    assert!(is_right, "the retry got {} {}", repeat.status, repeat.body);

    let answers = [first, repeat];
    let calls = (play.next - 1..).zip(answers).map(|(label, answer)| {
        let operation = scene.operation.clone();
        Call {
            label,
            operation,
            answer,
        }
    });
    let order = if injection.fault == Fault::Late {
        Order::Any
    } else {
        Order::Given
    };
    let calls: Vec<_> = calls.collect();
    play.explain(&calls, order, true, "with the fault").await;
}

async fn request(play: &Play, instance: &TestService, scene: &Scene) -> Answer {
    play.phones
        .request(play.next, &scene.operation)
        .send(instance)
        .await
}

/// An operation's calls of the table if nothing fails.
async fn calls(stage: &ModelRun, scene: &Scene) -> Vec<String> {
    let play = stage.play(&scene.before).await;
    let instance = play.service.twin().await;
    request(&play, &instance, scene).await;
    instance.connection.take_calls()
}

/// Every possible failure.
async fn injections(stage: &ModelRun, scene: &Scene) -> Vec<Injection> {
    let all = std::env::var("FAULTS").is_ok_and(|faults| faults == "all");
    let mut injections = Vec::new();
    for (at, operation) in calls(stage, scene).await.iter().enumerate() {
        for fault in Fault::QUICK.into_iter().filter(|fault| fault.fits(operation)) {
            // For a read, losing the request or the answer is the same.
            let is_read = ["GetItem", "Query"].contains(&operation.as_str());
            let lastings: &[FaultDuration] = match fault {
                _ if all => &[FaultDuration::Attempt, FaultDuration::Call, FaultDuration::Outage],
                Fault::AnswerCut | Fault::THROTTLED | Fault::SERVER_ERROR => &[FaultDuration::Attempt],
                Fault::Refused if is_read => &[FaultDuration::Attempt, FaultDuration::Outage],
                _ if is_read => &[],
                Fault::AnswerLost | Fault::Conflict | Fault::Late => {
                    &[FaultDuration::Attempt, FaultDuration::Outage]
                }
                Fault::Refused => &[FaultDuration::Outage],
                _ => &[FaultDuration::Attempt],
            };
            injections.extend(lastings.iter().map(|&lasting| Injection { fault, at, lasting }));
        }
    }
    injections
}

/// Each scene with each of its faults.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_nothing_is_lost_or_done_twice() {
    let stage = Arc::new(ModelRun::new(RULES).await);
    let mut cases = Vec::new();
    for scene in scenes() {
        for injection in injections(&stage, &scene).await {
            cases.push((scene.clone(), injection, Arrival::BeforeTheRepeat));
            if injection.fault == Fault::Late {
                cases.push((scene.clone(), injection, Arrival::AfterTheRepeat));
            }
        }
    }
    assert!(cases.len() > 400, "only {} cases", cases.len());
    run(stage, cases, 5).await;
}

/// Each scene with a call that takes two seconds, and with calls that get no answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_timed_out_can_be_repeated() {
    let stage = Arc::new(ModelRun::new(RULES).await);
    let mut cases = Vec::new();
    for scene in scenes() {
        for at in 0..calls(&stage, &scene).await.len() {
            for (fault, lasting) in [
                (Fault::Slow, FaultDuration::Attempt),
                (Fault::Silent, FaultDuration::Outage),
            ] {
                let injection = Injection { fault, at, lasting };
                cases.push((scene.clone(), injection, Arrival::BeforeTheRepeat));
            }
        }
    }
    assert!(cases.len() > 100, "only {} cases", cases.len());
    run(stage, cases, 24).await;
}

async fn run(stage: Arc<ModelRun>, cases: Vec<(Scene, Injection, Arrival)>, at_once: usize) {
    println!("{} cases", cases.len());
    let meetings = cases.into_iter().map(async |(scene, injection, arrival)| {
        let case = format!(
            "{:?} after {:?}: {injection:?}, {arrival:?}",
            scene.operation, scene.before
        );
        let stage = Arc::clone(&stage);
        let met = tokio::spawn(async move { meet(&stage, &scene, injection, arrival).await }).await;
        met.err()
            .map(|panicked| format!("{case}: {}", said(panicked.into_panic())))
    });
    let meetings = stream::iter(meetings).buffer_unordered(at_once);
    let failures: Vec<_> = meetings.filter_map(ready).collect().await;
    assert!(
        failures.is_empty(),
        "{} failed:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}
