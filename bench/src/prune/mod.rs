//! Prunes 10,000 and 100,000 expired events: alone, among a million live ones, and with an archive.
//!
//! The table is embedded in this process. Each run of `prune` has its own process, so that peak memory and calls are
//! its alone.

mod bucket;
mod fill;
mod run;

pub(crate) use run::run;

use bucket::Bucket;
use dynoxide::Database;
use fill::{Originals, RETENTION_DAYS, TABLE};
use local::{db::EmbeddedDynamoDb, table::TableDefinition};
use serde_json::Value;
use shared::{
    domain::{clock::Clock, day::Day, ids::Ids},
    store::Store,
};
use tokio::process::Command;

use testkit::Outcome;

use crate::{
    report::{Budget, Findings, Table},
    stats::short,
};

/// This program's argument for running `prune` once.
pub(crate) const RUN: &str = "prune-run";

const LIVE: usize = 1_000_000;
const EXPIRED: [usize; 3] = [0, 10_000, 100_000];

/// Prunes each number of expired events, alone and among live ones.
///
/// # Errors
///
/// If the table cannot be filled, or a run does not remove what it should.
pub(crate) async fn benchmark() -> Outcome<Findings> {
    let engine = Database::memory()?;
    let database = EmbeddedDynamoDb::start_with(engine.clone()).await?;
    let definition = TableDefinition::from_template_file(&testkit::root().join("template.yaml"))?;
    definition.create(&database.client(), TABLE).await?;
    let store = Store::new(database.client(), TABLE, Ids::system());

    let today = Day::containing(Clock::system().now());
    let originals = Originals::new(engine, &database.client(), &definition, today).await?;

    let bucket = Bucket::start().await?;

    let mut table = Table::new(
        "Prune",
        "One run each, without its brake on write units, in a process of its own (whose program text is the benchmark's, and \
         which reaches the table and the bucket without TLS). Calls: requests to DynamoDB. The live events are newer than the \
         retention period. The bucket takes what it is given and keeps nothing.",
        &[
            "live events",
            "expired events",
            "archive",
            "seconds",
            "events a second",
            "calls",
            "calls per 1,000 events",
            "objects",
            "peak memory MiB",
        ],
    );
    let (mut calls_alone, mut findings) = (Vec::new(), Findings::default());
    for (live, more, archive) in [(0, 0, None), (LIVE, LIVE, None), (LIVE, 0, Some(&bucket))] {
        originals
            .fill(more, |number| number % usize::from(RETENTION_DAYS))
            .await?;
        let mut peak = 0.0_f64;
        for (index, expired) in EXPIRED.into_iter().enumerate() {
            let newest = today.plus(-i64::from(RETENTION_DAYS) - 1);
            store
                .record_pruned_up_to(newest.plus(-1), Clock::system().now())
                .await?;
            originals
                .fill(expired, |_| usize::from(RETENTION_DAYS) + 1)
                .await?;
            crate::progress::show(&format!("prune: {expired} events beside {live}"));
            let run = Run::once(database.endpoint(), archive, expired).await?;
            table.row(run.cells(live, expired, archive.is_some()));
            peak = peak.max(run.peak_mib);
            if live == 0 {
                calls_alone.push(run.calls);
            } else if archive.is_none() {
                let what = format!("prune, {expired} events: calls beside {live} live events against none");
                let times = run.calls / calls_alone[index];
                findings.budgets.push(Budget::at_most(what, 1.0, times, "×"));
            }
        }
        if live != 0 {
            let with = if archive.is_some() { "with" } else { "without" };
            let what = format!("prune, {with} an archive: peak memory");
            findings.budgets.push(Budget::at_most(what, 16.0, peak, " MiB"));
        }
    }
    findings.tables.push(table);
    Ok(findings)
}

/// What a run of `prune` cost.
struct Run {
    seconds: f64,
    calls: f64,
    objects: usize,
    peak_mib: f64,
}

impl Run {
    /// Runs `prune` in its own process, which must remove `expired` events, storing them first if there is a bucket.
    async fn once(endpoint: &str, archive: Option<&Bucket>, expired: usize) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(RUN)
            .env("TABLE_NAME", TABLE)
            .env("ISSUER", "https://auth.example.com")
            .env("AUDIENCE", "https://api.example.com")
            .env("AUDIT_RETENTION_DAYS", RETENTION_DAYS.to_string())
            // Measures the table's speed, not the throttle.
            .env("PRUNE_WRITE_UNITS_PER_SECOND", "100000")
            .env_remove("AUDIT_ARCHIVE_BUCKET")
            .env_remove("AWS_ENDPOINT_URL_S3")
            .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local");
        if let Some(bucket) = archive {
            command
                .env("AUDIT_ARCHIVE_BUCKET", "archive")
                .env("AWS_ENDPOINT_URL_S3", bucket.endpoint());
        }
        let output = command.output().await?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let result: Value = serde_json::from_slice(&output.stdout)?;
        let report = &result["report"];
        let archived = if archive.is_some() { expired } else { 0 };
        if report["complete"] != true
            || report["events_removed"] != expired
            || report["events_archived"] != archived
        {
            return Err(format!("the run did not prune {expired} events: {result}").into());
        }
        let number = |value: &Value| value.as_f64().ok_or("the run answered no such number");
        Ok(Self {
            seconds: number(&report["seconds"])?,
            calls: number(&result["calls"])?,
            objects: archive.map_or(0, Bucket::take_objects),
            peak_mib: number(&result["peak_kib"])? / 1024.0,
        })
    }

    fn cells(&self, live: usize, expired: usize, archive: bool) -> [String; 9] {
        #[expect(clippy::cast_precision_loss, reason = "a hundred thousand at most")]
        let events = expired as f64;
        let of_events = |value: f64| {
            if expired == 0 {
                "–".to_owned()
            } else {
                short(value)
            }
        };
        [
            live.to_string(),
            expired.to_string(),
            if archive { "yes" } else { "no" }.to_owned(),
            short(self.seconds),
            of_events(events / self.seconds),
            self.calls.to_string(),
            of_events(self.calls * 1000.0 / events),
            self.objects.to_string(),
            short(self.peak_mib),
        ]
    }
}
