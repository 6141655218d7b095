//! Whether table size or the number of a user's sessions matters.

use std::time::Duration;

use serde_json::Value;
use testkit::FunctionProcess;

use testkit::Outcome;

use crate::{
    fill::Filler,
    function, operations,
    report::{Budget, Findings, Table, ratio},
    stack::{BenchStack, Phone, event},
    stats::{Sample, short},
};

/// Items in the table.
const ITEMS: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Sessions of each user.
const SESSIONS: [usize; 3] = [1, 20, 200];
/// What is measured.
const OPERATIONS: [&str; 4] = ["list", "activity", "refresh", "revoke"];
/// Measurements of each.
const ROUNDS: usize = 100;
/// Ratio up to which times count as equal: a single table's vary as much between runs.
const THE_SAME: f64 = 1.2;

/// A user and the requesting phone.
struct User {
    email: String,
    phone: Phone,
}

impl User {
    async fn new(stack: &BenchStack, sessions: usize) -> Outcome<Self> {
        let email = stack.account().await?;
        let mut phone = stack.phone(&email).await?;
        for _ in 1..sessions {
            phone = stack.phone(&email).await?;
        }
        Ok(Self { email, phone })
    }
}

/// A table of some size, and warm functions on it.
struct Place {
    items: usize,
    stack: BenchStack,
    list: FunctionProcess,
    activity: FunctionProcess,
    refresh: FunctionProcess,
    revoke: FunctionProcess,
}

/// Measures tables of each size, which take turns.
///
/// # Errors
///
/// If a function does not answer with success.
pub async fn run() -> Outcome<Findings> {
    let mut places = Vec::new();
    for items in ITEMS {
        places.push(Place::new(items).await?);
    }
    let mut table = Table::new(
        "Scale",
        &format!(
            "Milliseconds from the event to the answer, p50 of {ROUNDS} (revoke: of {}), of warm functions over TLS to embedded \
             databases with a table each, which take turns; × is the ratio to the smallest table. Requests and read units are \
             those of one operation.",
            ROUNDS / 5
        ),
        &[
            "operation",
            "sessions",
            "items",
            "p50 ms",
            "× smallest",
            "requests",
            "read units",
        ],
    );
    let mut findings = Findings::default();
    let mut rows = Vec::new();
    for sessions in SESSIONS {
        crate::progress::show(&format!("scale: users with {sessions} sessions"));
        let mut users = Vec::new();
        for place in &places {
            users.push(User::new(&place.stack, sessions).await?);
        }
        for operation in OPERATIONS {
            // With one session, there is no other to revoke.
            if operation == "revoke" && sessions == 1 {
                continue;
            }
            let rounds = if operation == "revoke" { ROUNDS / 5 } else { ROUNDS };
            let mut times = ITEMS.map(|_| Sample::default());
            for _ in 0..rounds {
                for ((place, user), times) in places.iter_mut().zip(&mut users).zip(&mut times) {
                    times.push_time(place.carry_out(operation, user).await?);
                }
            }
            for ((place, user), times) in places.iter_mut().zip(&mut users).zip(times) {
                let (requests, reads) = place.record(operation, user).await?;
                rows.push(Row {
                    operation,
                    sessions,
                    items: place.items,
                    times,
                    requests,
                    reads,
                });
            }
        }
    }
    for operation in OPERATIONS {
        for sessions in SESSIONS {
            let of_this = rows
                .iter()
                .filter(|row| row.operation == operation && row.sessions == sessions);
            let of_this: Vec<_> = of_this.collect();
            let Some(smallest) = of_this.first() else { continue };
            for row in &of_this {
                table.row([
                    operation.to_owned(),
                    sessions.to_string(),
                    row.items.to_string(),
                    short(row.times.median()),
                    ratio(row.times.median(), smallest.times.median()),
                    row.requests.to_string(),
                    row.reads.to_string(),
                ]);
            }
            if let (true, 20, Some(biggest)) = (operation == "list", sessions, of_this.last()) {
                let what = "list, 20 sessions: time in a table of a million items against one of a thousand";
                let times = biggest.times.median() / smallest.times.median();
                findings.budgets.push(Budget::at_most(what, THE_SAME, times, "×"));
                let what = "list, 20 sessions: read units, the same";
                findings
                    .budgets
                    .push(Budget::at_most(what, 1.0, biggest.reads / smallest.reads, "×"));
            }
        }
    }
    findings.tables.push(table);
    Ok(findings)
}

struct Row {
    operation: &'static str,
    sessions: usize,
    items: usize,
    times: Sample,
    requests: usize,
    reads: f64,
}

impl Place {
    async fn new(items: usize) -> Outcome<Self> {
        let stack = BenchStack::set().await?;
        Filler::new(&stack).await?.fill(items).await?;
        let variables = stack.variables();
        let start = async |name: &str| function::start(name, &variables).await;
        let [list, activity, refresh, revoke] = [
            start("list").await?,
            start("activity").await?,
            start("refresh").await?,
            start("revoke").await?,
        ];
        Ok(Self {
            items,
            stack,
            list,
            activity,
            refresh,
            revoke,
        })
    }

    /// Performs an operation. Returns its latency.
    async fn carry_out(&mut self, operation: &str, user: &mut User) -> Outcome<Duration> {
        let access = Some(user.phone.access.as_str());
        match operation {
            "list" => answer(&mut self.list, &event("list/list", access)?).await,
            "activity" => {
                let mut page = event("activity/first-page", access)?;
                page["rawQueryString"] = "limit=50".into();
                answer(&mut self.activity, &page).await
            }
            "refresh" => self.rotate(user).await,
            _ => {
                let other = self.stack.phone(&user.email).await?.session.id;
                answer(&mut self.revoke, &revoke(&user.phone, &other.to_string())?).await
            }
        }
    }

    /// Requests and read units of an operation.
    async fn record(&mut self, operation: &str, user: &mut User) -> Outcome<(usize, f64)> {
        self.stack.recorder.record(Duration::from_millis(1));
        let answered = self.carry_out(operation, user).await;
        let asked = self.stack.recorder.stop();
        answered?;
        Ok((asked.len(), asked.iter().map(|request| request.reads).sum()))
    }

    /// Refreshes and keeps the new token.
    async fn rotate(&mut self, user: &mut User) -> Outcome<Duration> {
        let event = operations::refresh_with(&user.phone.refresh)?;
        let answered = self.refresh.invoke(&event.to_string()).await?;
        let body = answered.response["body"].as_str().unwrap_or_default();
        let body: Value = serde_json::from_str(body)?;
        let token = body["refresh_token"]
            .as_str()
            .ok_or_else(|| format!("refresh: {body}"))?;
        token.clone_into(&mut user.phone.refresh);
        Ok(answered.took)
    }
}

fn revoke(phone: &Phone, other: &str) -> Outcome<Value> {
    let mut event = event("revoke/revoke", Some(&phone.access))?;
    let path = format!("/api/v1/sessions/{other}");
    event["rawPath"] = path.as_str().into();
    event["requestContext"]["http"]["path"] = path.into();
    Ok(event)
}

async fn answer(function: &mut FunctionProcess, event: &Value) -> Outcome<Duration> {
    let answered = function.invoke(&event.to_string()).await?;
    if answered.response["statusCode"] != 200 {
        return Err(answered.response.to_string().into());
    }
    Ok(answered.took)
}
