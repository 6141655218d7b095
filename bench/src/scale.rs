//! Whether the size of the table, or the number of a user's sessions, matters.

use std::time::Duration;

use serde_json::Value;

use crate::{
    Outcome,
    fill::Filler,
    function::{self, Function},
    operations,
    report::{Budget, Findings, Table, ratio},
    stage::{Phone, Stage, event},
    stats::{Sample, short},
};

/// How many items the table has.
const ITEMS: [usize; 3] = [1_000, 100_000, 1_000_000];
/// How many sessions the users have.
const SESSIONS: [usize; 3] = [1, 20, 200];
/// How often each is measured.
const ROUNDS: usize = 100;
/// What counts as the same: the times of one table alone differ by as much from run to run.
const THE_SAME: f64 = 1.2;

/// A user, and the phone that asks.
struct User {
    email: String,
    phone: Phone,
}

impl User {
    async fn new(stage: &Stage, sessions: usize) -> Outcome<Self> {
        let email = stage.account().await?;
        let mut phone = stage.phone(&email).await?;
        for _ in 1..sessions {
            phone = stage.phone(&email).await?;
        }
        Ok(Self { email, phone })
    }
}

/// The functions, warm.
struct Functions {
    list: Function,
    activity: Function,
    refresh: Function,
    revoke: Function,
}

/// Measures in one table that grows.
///
/// # Errors
///
/// When a function does not answer with success.
pub async fn run() -> Outcome<Findings> {
    let stage = Stage::set().await?;
    let mut filler = Filler::new(&stage).await?;
    let mut table = Table::new(
        "Scale",
        &format!(
            "Milliseconds from the event to the answer, p50 of {ROUNDS} (revoke: of {}), of warm functions over TLS to the embedded database, \
             whose table grows; × is the ratio to the smallest table. Requests and read units are those of one operation.",
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
    let mut rows: Vec<Row> = Vec::new();
    for items in ITEMS {
        filler.fill(items).await?;
        let mut functions = Functions::start(&stage).await?;
        for sessions in SESSIONS {
            crate::progress(&format!("scale: {items} items, a user with {sessions} sessions"));
            // Another one for each size: what is measured leaves ended sessions and events behind.
            let mut user = User::new(&stage, sessions).await?;
            rows.extend(functions.measure(&stage, &mut user, sessions, items).await?);
        }
    }
    let mut findings = Findings::default();
    for operation in ["list", "activity", "refresh", "revoke"] {
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

impl Functions {
    async fn start(stage: &Stage) -> Outcome<Self> {
        let variables = stage.variables();
        let start =
            async |name: &str| Function::start(&function::binary(name), &variables, stage.logs()).await;
        Ok(Self {
            list: start("list").await?,
            activity: start("activity").await?,
            refresh: start("refresh").await?,
            revoke: start("revoke").await?,
        })
    }

    async fn measure(
        &mut self,
        stage: &Stage,
        user: &mut User,
        sessions: usize,
        items: usize,
    ) -> Outcome<Vec<Row>> {
        let row = |operation, times, (requests, reads)| Row {
            operation,
            sessions,
            items,
            times,
            requests,
            reads,
        };
        let access = Some(user.phone.access.as_str());
        let mut rows = Vec::new();
        let list = event("list/list", access)?;
        rows.push(row(
            "list",
            repeat(&mut self.list, &list).await?,
            once(stage, &mut self.list, &list).await?,
        ));
        let mut page = event("activity/first-page", access)?;
        page["rawQueryString"] = "limit=50".into();
        let times = repeat(&mut self.activity, &page).await?;
        rows.push(row(
            "activity",
            times,
            once(stage, &mut self.activity, &page).await?,
        ));

        let mut times = Sample::default();
        for _ in 0..ROUNDS {
            times.push_time(self.rotate(user).await?);
        }
        stage.recorder.record(Duration::from_millis(1));
        let rotated = self.rotate(user).await;
        let asked = stage.recorder.stop();
        rotated?;
        rows.push(row(
            "refresh",
            times,
            (asked.len(), asked.iter().map(|request| request.reads).sum()),
        ));

        // A user with one session has no other to end.
        if sessions > 1 {
            let mut times = Sample::default();
            for _ in 0..ROUNDS / 5 {
                let other = stage.phone(&user.email).await?.session.id;
                times.push_time(answer(&mut self.revoke, &revoke(&user.phone, &other.to_string())?).await?);
            }
            let other = stage.phone(&user.email).await?.session.id;
            let event = revoke(&user.phone, &other.to_string())?;
            rows.push(row("revoke", times, once(stage, &mut self.revoke, &event).await?));
        }
        Ok(rows)
    }

    /// Refreshes, and keeps the new token.
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

async fn repeat(function: &mut Function, event: &Value) -> Outcome<Sample> {
    let mut times = Sample::default();
    for _ in 0..ROUNDS {
        times.push_time(answer(function, event).await?);
    }
    Ok(times)
}

async fn answer(function: &mut Function, event: &Value) -> Outcome<Duration> {
    let answered = function.invoke(&event.to_string()).await?;
    if answered.response["statusCode"] != 200 {
        return Err(answered.response.to_string().into());
    }
    Ok(answered.took)
}

/// Requests and read units of one answer.
async fn once(stage: &Stage, function: &mut Function, event: &Value) -> Outcome<(usize, f64)> {
    stage.recorder.record(Duration::from_millis(1));
    let answered = answer(function, event).await;
    let asked = stage.recorder.stop();
    answered?;
    Ok((asked.len(), asked.iter().map(|request| request.reads).sum()))
}
