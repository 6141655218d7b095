//! Breaks down a refresh: times each step alone, in this process.

use std::{hint::black_box, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use aws_smithy_http_client::test_util::infallible_client_fn;
use rustix::time::{ClockId, clock_gettime};
use shared::{
    auth::RefreshClaims,
    domain::{clock::Millis, session::Session},
    http::{self, Request, model::Tokens},
    store::{RotateRequest, Store},
};

use testkit::Outcome;

use crate::{
    operations,
    report::Table,
    stack::{BenchStack, Phone},
    stats::short,
};

/// Runs of each step.
const ROUNDS: u32 = 2000;

/// The steps of a refresh that took `whole` CPU time in total.
///
/// # Errors
///
/// If a step fails.
pub async fn table(whole: Duration) -> Outcome<Table> {
    let stack = BenchStack::set().await?;
    let email = stack.account().await?;
    let phone = stack.phone(&email).await?;
    // Fills the cached key set.
    stack.state.keys.set().await?;
    // On its own thread, whose CPU time is measured.
    let steps = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let steps = runtime.block_on(steps(&stack, &phone));
        // Drop the stack inside a runtime: its servers are tasks.
        Outcome::Ok((steps?, stack))
    });
    let (steps, _stage) = steps.await??;

    let mut table = Table::new(
        "What a refresh does with its processor time",
        &format!(
            "Milliseconds of processor time, each step {ROUNDS} times alone in this process; the rest is what remains of the \
             whole as measured of the function's process above: TLS, HTTP, the Runtime API, logging, the handler itself."
        ),
        &["step", "CPU ms", "part"],
    );
    let whole = whole.as_secs_f64() * 1000.0;
    let mut rest = whole;
    for (name, milliseconds) in steps {
        rest -= milliseconds;
        table.row([
            name.to_owned(),
            short(milliseconds),
            format!("{:.0} %", milliseconds / whole * 100.0),
        ]);
    }
    table.row([
        "the rest".to_owned(),
        short(rest),
        format!("{:.0} %", rest / whole * 100.0),
    ]);
    Ok(table)
}

async fn steps(stack: &BenchStack, phone: &Phone) -> Outcome<Vec<(&'static str, f64)>> {
    let event = operations::refresh(phone)?.to_string();
    let store = Store::new(canned_client(), "table", stack.state.ids.clone());
    let rotate = rotation(&phone.session, stack);

    let from = processor_time();
    for _ in 0..ROUNDS {
        black_box(
            stack
                .state
                .auth
                .check_token::<RefreshClaims>(&phone.refresh)
                .await?,
        );
    }
    let verifying = each(from);

    let from = processor_time();
    for _ in 0..ROUNDS {
        black_box(stack.issue(&phone.session)?);
    }
    let signing = each(from);

    let from = processor_time();
    for _ in 0..ROUNDS {
        store.rotate(&rotate).await?;
    }
    let sdk = each(from);

    let mut pairs = Vec::new();
    for _ in 0..ROUNDS {
        pairs.push(stack.issue(&phone.session)?);
    }
    let from = processor_time();
    for issued in pairs {
        let request: Request = lambda_http::request::from_str(&event)?;
        black_box(serde_json::from_slice::<serde_json::Value>(request.body())?);
        black_box(http::json(&Tokens::new(issued, phone.session.id)).into_body());
    }
    let json = each(from);

    Ok(vec![
        ("verifying the refresh token (ES256)", verifying),
        ("signing both tokens (ES256)", signing),
        ("the SDK's request: expressions, SigV4, JSON", sdk),
        ("the event's and the answer's JSON", json),
    ])
}

/// A client whose requests all succeed at once.
fn canned_client() -> Client {
    let answer = |_| lambda_http::http::Response::new("{}");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(Credentials::new("a", "b", None, None, "bench"))
        .http_client(infallible_client_fn(answer))
        .build();
    Client::from_conf(config)
}

fn rotation(session: &Session, stack: &BenchStack) -> RotateRequest {
    RotateRequest {
        user_id: session.user_id,
        session_id: session.id,
        presented: session.refresh_jti.clone(),
        issued_at: session.created_at.seconds(),
        successor: stack.state.ids.token(),
        idempotency_hash: Some([7; 32]),
        at: Millis(session.created_at.0),
        expires_at: session.expires_at,
        origin: session.origin.clone(),
        device_name: None,
    }
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("processor time is never negative")
}

fn each(from: Duration) -> f64 {
    processor_time().saturating_sub(from).as_secs_f64() * 1000.0 / f64::from(ROUNDS)
}
