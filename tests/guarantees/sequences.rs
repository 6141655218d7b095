//! Random sequences of everything that can happen to an account's sessions: after each operation, the answer and the
//! table must match the model.
//!
//! Runs 24 sequences, the same each time, or as many new ones as `PROPTEST_CASES` says. A failing one is shrunk, shown,
//! and kept in `sequences.proptest-regressions`, whose sequences are tried first.

use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence, RngSeed, TestError, TestRunner},
};
use shared::domain::clock::Millis;

use crate::guarantees::model::{
    ModelRun,
    invariants::{self, Watch},
    operations::{Command, Label, Operation, Proof, Target},
    state::{Model, Rules},
    table::Records,
};

/// Short enough for sequences to reach every limit. Two kinds: idle limits below and above a day.
const RULES: [Rules; 2] = [
    Rules::SHORT,
    Rules {
        idle: 3 * 86_400,
        absolute: 8 * 86_400,
        sessions: 2,
        ..Rules::SHORT
    },
];

/// An operation whose targets are not known yet. Numbers choose among the existing ones, the latest first.
#[derive(Clone, Debug)]
enum Wish {
    Login {
        device: Option<u8>,
        wrong: bool,
    },
    Ticket,
    Redeem {
        ticket: usize,
        device: Option<u8>,
        key: Option<u8>,
    },
    Refresh {
        of: usize,
        key: Option<u8>,
    },
    /// The same ticket again, with the same key.
    RedeemAgain {
        of: usize,
    },
    /// The same ticket, with a key of one's own.
    RedeemCopied {
        of: usize,
        own_key: Option<u8>,
    },
    /// Retries a refresh with the same `Idempotency-Key`.
    Retry {
        of: usize,
    },
    Logout {
        kind: u8,
        of: usize,
        other: usize,
    },
    Revoke {
        by: usize,
        target: usize,
    },
    Rename {
        by: usize,
        target: usize,
        name: Option<u8>,
    },
    LogoutAll {
        by: usize,
        except_current: bool,
    },
    Cleanup {
        by: usize,
    },
    List {
        by: usize,
    },
    Command {
        kind: u8,
        session: usize,
    },
    RotateKeys,
    Wait {
        seconds: i64,
    },
    /// Waits until a limit of an operation's tokens, plus this many milliseconds.
    WaitFor {
        edge: Edge,
        of: usize,
        beyond: i64,
    },
}

#[derive(Clone, Copy, Debug)]
enum Edge {
    Access,
    Idle,
    Absolute,
    Grace,
    /// Of the ticket that opened the session.
    TicketGrace,
    TicketEnd,
}

fn wish() -> impl Strategy<Value = Wish> {
    let any_of = || prop_oneof![3 => 0..3_usize, 1 => 0..40_usize];
    let key = || prop::option::of(0..2_u8);
    let edge = prop_oneof![
        2 => Just(Edge::Access), 2 => Just(Edge::Idle), 1 => Just(Edge::Absolute), 4 => Just(Edge::Grace),
        2 => Just(Edge::TicketGrace), 2 => Just(Edge::TicketEnd)
    ];
    let beyond = prop_oneof![Just(-1000), Just(-1), Just(0), Just(1), Just(1000)];
    prop_oneof![
        4 => (prop::option::of(0..2_u8), prop::bool::weighted(0.1))
            .prop_map(|(device, wrong)| Wish::Login { device, wrong }),
        2 => Just(Wish::Ticket),
        6 => (0..3_usize, prop::option::of(0..2_u8), key())
            .prop_map(|(ticket, device, key)| Wish::Redeem { ticket, device, key }),
        5 => (0..2_usize).prop_map(|of| Wish::RedeemAgain { of }),
        3 => (0..2_usize, key()).prop_map(|(of, own_key)| Wish::RedeemCopied { of, own_key }),
        8 => (any_of(), key()).prop_map(|(of, key)| Wish::Refresh { of, key }),
        3 => any_of().prop_map(|of| Wish::Retry { of }),
        2 => (0..4_u8, any_of(), any_of()).prop_map(|(kind, of, other)| Wish::Logout { kind, of, other }),
        2 => (any_of(), 0..6_usize).prop_map(|(by, target)| Wish::Revoke { by, target }),
        1 => (any_of(), 0..6_usize, prop::option::of(0..2_u8))
            .prop_map(|(by, target, name)| Wish::Rename { by, target, name }),
        1 => (any_of(), any::<bool>()).prop_map(|(by, except_current)| Wish::LogoutAll { by, except_current }),
        1 => any_of().prop_map(|by| Wish::Cleanup { by }),
        2 => any_of().prop_map(|by| Wish::List { by }),
        2 => (0..10_u8, any_of()).prop_map(|(kind, session)| Wish::Command { kind, session }),
        1 => Just(Wish::RotateKeys),
        2 => prop_oneof![0..60_i64, 0..4000_i64, Just(86_400), Just(-2)].prop_map(|seconds| Wish::Wait { seconds }),
        3 => (edge, any_of(), beyond).prop_map(|(edge, of, beyond)| Wish::WaitFor { edge, of, beyond }),
    ]
}

/// The operation for a wish, given the past.
fn granted(wish: &Wish, model: &Model, past: &[(Label, Operation)]) -> Option<Operation> {
    let issued: Vec<_> = model.issued.keys().rev().copied().collect();
    let pick = |number: usize| issued.get(number % issued.len().max(1)).copied();
    let target_of = |number: usize| {
        Some(match number {
            0 => Target::Foreign,
            1 => Target::Nobody,
            other => Target::Session(model.issued[&pick(other)?].session),
        })
    };
    Some(match *wish {
        Wish::Login { device, wrong } => Operation::Login {
            device,
            password: u8::from(wrong),
        },
        Wish::Ticket => Operation::Ticket,
        Wish::Redeem { ticket, device, key } => Operation::Redeem {
            ticket: *model.made.iter().rev().nth(ticket % model.made.len().max(1))?,
            device,
            key,
        },
        Wish::Refresh { of, key } => Operation::Refresh { of: pick(of)?, key },
        Wish::RedeemAgain { of } => past_one(past, of, |past| matches!(past, Operation::Redeem { .. }))?,
        Wish::RedeemCopied { of, own_key } => {
            let mut copied = past_one(past, of, |past| matches!(past, Operation::Redeem { .. }))?;
            if let Operation::Redeem { key, .. } = &mut copied {
                *key = own_key;
            }
            copied
        }
        Wish::Retry { of } => past_one(past, of, |past| matches!(past, Operation::Refresh { .. }))?,
        Wish::Logout { kind, of, other } => Operation::Logout(match kind {
            0 => Proof::Access(pick(of)?),
            1 => Proof::Refresh(pick(of)?),
            2 => Proof::Both {
                access: pick(other)?,
                refresh: pick(of)?,
            },
            _ => Proof::Mixed { refresh: pick(of)? },
        }),
        Wish::Revoke { by, target } => Operation::Revoke {
            by: pick(by)?,
            target: target_of(target)?,
        },
        Wish::Rename { by, target, name } => Operation::Rename {
            by: pick(by)?,
            target: target_of(target)?,
            name,
        },
        Wish::LogoutAll { by, except_current } => Operation::LogoutAll {
            by: pick(by)?,
            except_current,
        },
        Wish::Cleanup { by } => Operation::Cleanup { by: pick(by)? },
        Wish::List { by } => Operation::List { by: pick(by)? },
        Wish::Command { kind, session } => Operation::Command(match kind {
            0 => Command::Disable,
            // So that the rest is not all about a disabled account.
            1..=3 => Command::Enable,
            4 => Command::SetPassword(1),
            5..=7 => Command::SetPassword(0),
            8 => Command::RevokeAll,
            _ if session == 39 => Command::Delete,
            _ => Command::RevokeSession(model.issued[&pick(session)?].session),
        }),
        Wish::RotateKeys => Operation::RotateKeys,
        Wish::Wait { seconds } => Operation::Wait {
            until: Millis(model.now.0 + seconds * 1000),
        },
        Wish::WaitFor { edge, of, beyond } => {
            let token = model.issued[&pick(of)?];
            let session = model.sessions.get(&token.session);
            let at = match edge {
                Edge::Access => token.access_expires_at.millis(),
                Edge::Idle => session?.expires_at.millis(),
                Edge::Absolute => token.refresh_expires_at.millis(),
                Edge::TicketGrace => {
                    session?.redeemed?;
                    Millis(session?.created_at.0 + model.rules.grace * 1000)
                }
                Edge::TicketEnd => session?.redeemed?.expires_at.millis(),
                Edge::Grace => Millis(session?.rotation?.at.0 + model.rules.grace * 1000),
            };
            let until = Millis(at.0 + beyond);
            return (until > model.now).then_some(Operation::Wait { until });
        }
    })
}

/// One of the past operations of a kind, the latest first.
fn past_one(
    past: &[(Label, Operation)],
    of: usize,
    is_of_kind: impl Fn(&Operation) -> bool,
) -> Option<Operation> {
    let found = past.iter().rev().map(|(_, past)| past);
    let found: Vec<_> = found.filter(|past| is_of_kind(past)).collect();
    found.get(of % found.len().max(1)).map(|past| (*past).clone())
}

async fn play(rules: Rules, wishes: &[Wish]) {
    let mut play = ModelRun::new(rules).await.play(&[]).await;
    let (mut past, mut watch) = (Vec::new(), Watch::default());
    let mut before = Records::read(&play.service).await;
    // Setting the clock back reactivates what has just expired, even if it was replaced meanwhile.
    let mut latest = play.service.clock.now();
    for (label, wish) in wishes.iter().enumerate() {
        let Some(operation) = granted(wish, &play.model, &past) else {
            continue;
        };
        past.push((label, operation.clone()));
        let outcome = play.model.step(label, &operation);
        let Some(answer) = play.phones.perform(&mut play.service, label, &operation).await else {
            continue;
        };
        let heard = play.phones.hear(label, &outcome, &answer, &play.model, false);
        let after = Records::read(&play.service).await;
        if let Err(reason) = heard.and_then(|()| after.check(&play.model, &play.phones, false)) {
            panic!("{reason}\nafter {past:#?}");
        }

        let presented = match operation {
            Operation::Refresh { of, .. } => play.phones.tokens(of).map(|tokens| tokens.refresh.clone()),
            _ => None,
        };
        watch.heard(presented.as_deref(), &answer);
        if let Some(presented) = presented {
            invariants::a_replay_ends_only_its_own_session(&before, &after, &presented, &answer);
        }
        invariants::the_trail_explains_the_sessions(&after);
        latest = latest.max(play.service.clock.now());
        invariants::limits_hold(&after, latest, rules.absolute, rules.sessions);
        before = after;
        play.tick();
    }
    watch.no_token_outlives_its_session(&play.service, &before).await;
}

#[test]
fn every_sequence_goes_as_the_model_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/sequences.proptest-regressions");
    let mut config = Config::with_cases(24);
    config.failure_persistence = Some(Box::new(FileFailurePersistence::Direct(file)));
    config.max_shrink_iters = 400;
    config.rng_seed = RngSeed::Fixed(20_261_124);
    if let Some(cases) = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
    {
        config.cases = cases;
        config.rng_seed = RngSeed::Random;
    }
    let sequences = (0..RULES.len(), prop::collection::vec(wish(), 1..50));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let outcome = TestRunner::new(config).run(&sequences, |(rules, wishes)| {
        let played = runtime.block_on(async {
            let wishes = wishes.clone();
            tokio::spawn(async move { play(RULES[rules], &wishes).await }).await
        });
        played.map_err(|panicked| TestCaseError::fail(said(panicked.into_panic())))
    });
    if let Err(TestError::Fail(reason, (rules, wishes))) = &outcome {
        panic!("{reason}\nunder {:?} with {wishes:#?}", RULES[*rules]);
    }
    outcome.unwrap();
}

/// A panic's message.
pub fn said(panic: Box<dyn std::any::Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic
            .downcast::<&str>()
            .map_or_else(|_| "a panic".to_owned(), |text| (*text).to_owned()),
    }
}
