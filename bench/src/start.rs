//! How long a cold start takes, and where the time goes.

use std::{collections::BTreeMap, time::Duration};

use testkit::Outcome;

use crate::{
    function,
    operations::Operation,
    report::{Budget, Findings, Table, ratio},
    stack::{BenchStack, event},
    stats::{Sample, short},
    throttle::{Throttle, share_of},
};

/// Starts of each binary in each way. They take turns, so that the machine's load affects all alike.
const ROUNDS: usize = 41;
/// Operations that no user waits for, or that share a function with a measured one.
const OTHERS: [Operation; 3] = [
    Operation::RefreshAgain,
    Operation::CreateUser,
    Operation::RotateKeys,
];
/// Further requests to each instance.
const FOLLOWING: usize = 10;

/// Baselines for the functions.
const HELLOS: [&str; 2] = ["hello", "hello-get-item"];

/// Measurements of one binary.
#[derive(Default)]
struct Starts {
    /// Start to the missing-configuration error.
    load: Sample,
    /// Start to first poll, with no request before it: wall time, CPU time.
    cold_poll: Sample,
    cold_poll_cpu: Sample,
    /// Extra time to the first poll with the system's trust store.
    system_store: Sample,
    /// Start to first poll; start to first connection; its handshake; its first response; from there to the function's
    /// first answer.
    poll: Sample,
    connect: Sample,
    handshake: Sample,
    read: Sample,
    rest: Sample,
    /// Start to first answer: wall time, CPU time.
    answer: Sample,
    answer_cpu: Sample,
    following: Sample,
    /// Start to first answer, with CPU throttled to the function's size from the first poll on.
    sized_answer: Sample,
}

/// Starts every function and both baselines.
///
/// # Errors
///
/// If a function does not start or does not answer with success.
pub async fn run() -> Outcome<Findings> {
    let stack = BenchStack::set().await?;
    let mut answering = BTreeMap::new();
    for operation in Operation::all()
        .into_iter()
        .filter(|operation| !OTHERS.contains(operation))
    {
        // The first one represents its function.
        answering.entry(operation.function()).or_insert(operation);
    }
    let mut starts: BTreeMap<String, Starts> = BTreeMap::new();
    let names = HELLOS.map(str::to_owned).into_iter().chain(function::all()?);
    let names: Vec<_> = names.collect();
    for round in 1..=ROUNDS {
        crate::progress::show(&format!("start: round {round} of {ROUNDS}"));
        for name in &names {
            let starts = starts.entry(name.clone()).or_default();
            polls(&stack, name, starts).await?;
            let operation = answering.get(name.as_str()).copied();
            // For the others, only the start is measured.
            if operation.is_some() || HELLOS.contains(&name.as_str()) {
                answers(&stack, name, operation, starts).await?;
                sized_answer(&stack, name, operation, starts).await?;
            }
        }
    }
    Ok(findings(&starts))
}

/// Two starts to the first poll, with no call to the table.
async fn polls(stack: &BenchStack, name: &str, starts: &mut Starts) -> Outcome<()> {
    let binary = function::binary(name);
    // The SDK of the hello with a table first searches for a region.
    if name != HELLOS[1] {
        starts.load.push_time(function::refusal(&binary)?);
    }
    let variables = stack.variables_without_warming();
    let function = function::start(name, &variables).await?;
    let first_poll = function.first_poll;
    starts.cold_poll.push_time(first_poll);
    starts.cold_poll_cpu.push_time(function.cpu()?);
    drop(function);
    // The baselines read no trust store before they poll.
    if !HELLOS.contains(&name) {
        let function = function::start(name, &stack.with_system_store(variables)).await?;
        starts
            .system_store
            .push(milliseconds(function.first_poll) - milliseconds(first_poll));
    }
    let (table, secrets) = stack.take_connections();
    if !(table.is_empty() && secrets.is_empty()) {
        return Err(format!("{name} asks somebody before its first poll although warming is off").into());
    }
    Ok(())
}

/// A start as on AWS, and its answers.
async fn answers(
    stack: &BenchStack,
    name: &str,
    operation: Option<Operation>,
    starts: &mut Starts,
) -> Outcome<()> {
    // Prepares the table for the events before the process starts.
    let events = events(stack, operation).await?;
    let mut variables = stack.variables();
    if operation.is_none() {
        variables = stack.with_system_store(variables);
    }
    let mut function = function::start(name, &variables).await?;
    starts.poll.push_time(function.first_poll);
    let mut first_answer = Duration::ZERO;
    for (index, event) in events.iter().enumerate() {
        let answered = function.invoke(event).await?;
        match operation {
            Some(operation) => operation.check(&answered)?,
            None if answered.response["statusCode"] == 200 => {}
            None => return Err(format!("{name}: {}", answered.response).into()),
        }
        if index == 0 {
            first_answer = function.first_poll + answered.took;
            starts.answer.push_time(first_answer);
            starts.answer_cpu.push_time(function.cpu()?);
        } else {
            starts.following.push_time(answered.took);
        }
    }
    let (connections, _) = stack.take_connections();
    if let Some((connection, answered)) = connections.iter().find_map(|one| Some((one, one.answered?))) {
        let handshaken = connection.accepted + connection.handshake;
        starts
            .connect
            .push_time(function.since_start(connection.accepted));
        starts.handshake.push_time(connection.handshake);
        starts
            .read
            .push_time(answered.saturating_duration_since(handshaken));
        let rest = milliseconds(first_answer) - milliseconds(function.since_start(answered));
        starts.rest.push(rest);
    }
    Ok(())
}

/// Starts as on AWS, and times the first answer, for which Lambda gives no extra CPU time.
async fn sized_answer(
    stack: &BenchStack,
    name: &str,
    operation: Option<Operation>,
    starts: &mut Starts,
) -> Outcome<()> {
    let Some(operation) = operation else {
        return Ok(());
    };
    let event = operation.event(stack).await?;
    let mut function = function::start(name, &stack.variables()).await?;
    // As in the template.
    let megabytes = if ["login", "admin"].contains(&name) {
        1024
    } else {
        256
    };
    let throttle = Throttle::start(function.pid(), share_of(megabytes))?;
    let answered = function.invoke(&event).await?;
    drop(throttle);
    operation.check(&answered)?;
    starts.sized_answer.push_time(function.first_poll + answered.took);
    stack.take_connections();
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

async fn events(stack: &BenchStack, operation: Option<Operation>) -> Outcome<Vec<String>> {
    let mut events = Vec::new();
    for _ in 0..=FOLLOWING {
        events.push(match operation {
            Some(operation) => operation.event(stack).await?,
            None => event("list/list", None)?.to_string(),
        });
    }
    Ok(events)
}

fn findings(starts: &BTreeMap<String, Starts>) -> Findings {
    let mut findings = Findings::default();
    let (hello, get_item) = (&starts[HELLOS[0]], &starts[HELLOS[1]]);

    let mut table = Table::new(
        "Start",
        "Milliseconds, median (quartiles); × is the ratio of medians to the hello's, which took turns with the others: `hello` to the first \
         poll, `hello-get-item` to the first answer. CPU is the processor time until then, which does not depend on how busy the machine is. At its size: from the first poll \
         on, the process is stopped for the part of each 20 ms that Lambda does not give a function of 256 MB (`login`, \
         `admin`: 1,024).",
        &[
            "function",
            "first poll, warming off",
            "× hello",
            "CPU",
            "× hello",
            "first poll, warmed",
            "first answer",
            "× get-item",
            "CPU",
            "× get-item",
            "following answers",
            "first answer, at its size",
        ],
    );
    for (name, start) in starts {
        table.row([
            name.clone(),
            start.cold_poll.to_string(),
            ratio(start.cold_poll.median(), hello.cold_poll.median()),
            short(start.cold_poll_cpu.median()),
            ratio(start.cold_poll_cpu.median(), hello.cold_poll_cpu.median()),
            start.poll.to_string(),
            start.answer.to_string(),
            ratio(start.answer.median(), get_item.answer.median()),
            short(start.answer_cpu.median()),
            ratio(start.answer_cpu.median(), get_item.answer_cpu.median()),
            start.following.to_string(),
            start.sized_answer.to_string(),
        ]);
    }
    findings.tables.push(table);

    let mut table = Table::new(
        "Where the time to the first answer goes",
        "Milliseconds, medians, as seen from outside the process: from its start to the first connection to the table \
         (loading, clients, trusted roots, the runtime, name resolution); the TLS handshake of that one, while others may be \
         opened beside it; its first read, of the keys; from there to the answer, with the poll and the request itself. \
         Loading by itself, in starts of its own: until the program ends because nothing is configured. Last, what reading \
         a bundle with the system's roots would add.",
        &[
            "function",
            "to the connection",
            "handshake",
            "first read",
            "to the answer",
            "loading alone",
            "system's roots",
        ],
    );
    for (name, start) in starts.iter().filter(|(_, start)| !start.connect.is_empty()) {
        table.row([
            name.clone(),
            short(start.connect.median()),
            short(start.handshake.median()),
            short(start.read.median()),
            short(start.rest.median()),
            short(start.load.median()),
            short(start.system_store.median()),
        ]);
    }
    findings.tables.push(table);

    for (name, start) in starts.iter().filter(|(name, _)| !HELLOS.contains(&name.as_str())) {
        let polled = start.cold_poll.median() / hello.cold_poll.median();
        let budget = format!("{name}: start to first poll, warming off, against a bare hello");
        findings.budgets.push(Budget::at_most(budget, 1.5, polled, "×"));
        if !start.answer.is_empty() {
            let answered = start.answer.median() / get_item.answer.median();
            let budget = format!("{name}: start to first answer, against a hello with one GetItem");
            findings.budgets.push(Budget::at_most(budget, 1.0, answered, "×"));
        }
    }
    findings
}
