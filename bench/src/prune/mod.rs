//! Pruning 10,000 and 100,000 expired events, alone and beside a million live ones.
//!
//! The table is embedded in this process. Each run of `prune` is a process of its own, so that its peak memory and its
//! calls are its alone.

mod fill;
mod run;

pub(crate) use run::run;

use std::error::Error;

use local::{db::EmbeddedDynamoDb, table::TableDefinition};
use serde_json::Value;
use shared::{clock::Clock, day::Day, ids::Ids, store::Store};
use tokio::process::Command;

/// The argument of this program that runs `prune` once.
pub(crate) const RUN: &str = "prune-run";

const TABLE: &str = "holdfast";
const RETENTION_DAYS: i64 = 30;
const LIVE: u64 = 1_000_000;
const EXPIRED: [u64; 3] = [0, 10_000, 100_000];

pub(crate) fn benchmark() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(table_of_results())
}

async fn table_of_results() -> Result<(), Box<dyn Error>> {
    let database = EmbeddedDynamoDb::start_in_memory().await?;
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let definition = TableDefinition::from_template_file(template.as_ref())?;
    definition.create(&database.client(), TABLE).await?;
    let store = Store::new(database.client(), TABLE, Ids::system());

    println!(
        "| live events | expired events | seconds | events a second | calls | calls per 1,000 events | peak memory |"
    );
    println!("|---|---|---|---|---|---|---|");
    for live in [0, LIVE] {
        let today = Day::of(Clock::system().now());
        fill::fill(&store, live, |number| {
            today.plus(-number.rem_euclid(RETENTION_DAYS))
        })
        .await?;
        for expired in EXPIRED {
            let newest = today.plus(-RETENTION_DAYS - 1);
            store
                .record_pruned_up_to(newest.plus(-1), Clock::system().now())
                .await?;
            fill::fill(&store, expired, |_| newest).await?;
            let result = prune_once(database.endpoint()).await?;
            println!("{}", row(live, expired, &result)?);
        }
    }
    Ok(())
}

/// Runs `prune` in a process of its own; answers what it measured.
async fn prune_once(endpoint: &str) -> Result<Value, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?)
        .arg(RUN)
        .env("TABLE_NAME", TABLE)
        .env("ISSUER", "https://auth.example.com")
        .env("AUDIENCE", "https://api.example.com")
        .env("AUDIT_RETENTION_DAYS", RETENTION_DAYS.to_string())
        // So that the table's speed is measured, and not the brake.
        .env("PRUNE_WRITE_UNITS_PER_SECOND", "100000")
        .env_remove("AUDIT_ARCHIVE_BUCKET")
        .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .output()
        .await?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn row(live: u64, expired: u64, result: &Value) -> Result<String, Box<dyn Error>> {
    let report = &result["report"];
    if report["complete"] != true || report["events_removed"] != expired {
        return Err(format!("the run did not prune {expired} events: {result}").into());
    }
    let number = |value: &Value| value.as_f64().ok_or("the run answered no such number");
    let events = number(&report["events_removed"])?;
    let (seconds, calls) = (number(&report["seconds"])?, number(&result["calls"])?);
    let mib = number(&result["peak_kib"])? / 1024.0;
    let (rate, calls_each) = if expired == 0 {
        (String::new(), String::new())
    } else {
        let calls_each = calls * 1000.0 / events;
        (format!("{:.0}", events / seconds), format!("{calls_each:.1}"))
    };
    Ok(format!(
        "| {live} | {expired} | {seconds:.2} | {rate} | {calls} | {calls_each} | {mib:.1} MiB |"
    ))
}
