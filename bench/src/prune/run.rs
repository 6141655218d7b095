//! One run of `prune`, in the measured process: what the Lambda function does in one invocation.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};
use prune::PruneState;
use serde_json::json;
use shared::{
    State,
    domain::{clock::Clock, ids::Ids},
    runtime::config::Config,
};

/// Prunes once, and prints what it did, its number of calls and its peak memory.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(prune_and_print())
}

async fn prune_and_print() -> Result<(), Box<dyn Error>> {
    let config = Config::from_env()?;
    let sdk = shared::runtime::aws::config(&config.timeouts).await?;
    let calls = Calls::default();
    let dynamodb = aws_sdk_dynamodb::config::Builder::from(&sdk).interceptor(calls.clone());
    let client = Client::from_conf(dynamodb.build());
    let state = State::new(config, Clock::system(), Ids::system(), client);
    let report = prune::run(&PruneState::new(state, &sdk), Duration::from_mins(15)).await;
    let result = json!({
        "report": report,
        "calls": calls.0.load(Ordering::Relaxed),
        "peak_kib": peak_kib()?,
    });
    println!("{result}");
    Ok(())
}

/// Counts requests, including retries.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<AtomicU64>);

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The peak memory of this process (Linux's `VmHWM`).
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number
        .ok_or("this system does not tell the peak memory of a process")?
        .parse()?)
}
