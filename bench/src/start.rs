//! How long a cold start takes, and where the time goes.

use std::collections::BTreeMap;

use crate::{
    Outcome, function,
    function::Function,
    operations::{self, Operation},
    report::{Budget, Findings, Table, ratio},
    stage::{Stage, event},
    stats::{Sample, short},
};

/// How often each binary is started in each way. They take turns, so that all of them see the same machine.
const ROUNDS: usize = 15;
/// How many further requests an instance answers.
const FOLLOWING: usize = 10;

/// What the functions are compared with.
const HELLOS: [&str; 2] = ["hello", "hello-get-item"];

/// What is measured of one binary.
#[derive(Default)]
struct Starts {
    /// Start to the error that nothing is configured.
    load: Sample,
    /// Start to first poll, without any request before it: wall time, processor time.
    cold_poll: Sample,
    cold_poll_cpu: Sample,
    /// The same with the system's trust store.
    system_store_poll: Sample,
    /// Start to first poll, to the connection, the handshake, the answer of the first request.
    poll: Sample,
    connect: Sample,
    handshake: Sample,
    read: Sample,
    /// Start to first answer: wall time, processor time.
    answer: Sample,
    answer_cpu: Sample,
    following: Sample,
}

/// Starts every function and the two that they are compared with.
///
/// # Errors
///
/// When a function does not start or does not answer with success.
pub async fn run() -> Outcome<Findings> {
    let stage = Stage::set().await?;
    let answering = operations::ALL
        .iter()
        .filter(|operation| **operation != Operation::RefreshAgain);
    let answering: BTreeMap<_, _> = answering
        .map(|operation| (operation.function(), *operation))
        .collect();
    let mut starts: BTreeMap<String, Starts> = BTreeMap::new();
    let names = HELLOS.map(str::to_owned).into_iter().chain(function::all()?);
    let names: Vec<_> = names.collect();
    for round in 1..=ROUNDS {
        crate::progress(&format!("start: round {round} of {ROUNDS}"));
        for name in &names {
            let starts = starts.entry(name.clone()).or_default();
            polls(&stage, name, starts).await?;
            let operation = answering.get(name.as_str()).copied();
            // What no user waits for is only seen to start.
            if operation.is_some() || HELLOS.contains(&name.as_str()) {
                answers(&stage, name, operation, starts).await?;
            }
        }
    }
    Ok(findings(&starts))
}

/// Two starts to the first poll, without a word to the table.
async fn polls(stage: &Stage, name: &str, starts: &mut Starts) -> Outcome<()> {
    let binary = function::binary(name);
    // The hello with a table has the SDK look for a region first, everywhere.
    if name != HELLOS[1] {
        starts.load.push_time(function::refusal(&binary)?);
    }
    let variables = stage.variables_without_warming();
    let function = Function::start(&binary, &variables, stage.logs()).await?;
    starts.cold_poll.push_time(function.first_poll);
    starts.cold_poll_cpu.push_time(function.cpu()?);
    drop(function);
    let function = Function::start(&binary, &stage.with_system_store(variables), stage.logs()).await?;
    starts.system_store_poll.push_time(function.first_poll);
    drop(function);
    if stage.tls.take_connections().is_empty() {
        return Ok(());
    }
    Err(format!("{name} asks the table before its first poll although warming is off").into())
}

/// A start as on AWS, and its answers.
async fn answers(
    stage: &Stage,
    name: &str,
    operation: Option<Operation>,
    starts: &mut Starts,
) -> Outcome<()> {
    // What the event needs is in the table before the process starts.
    let events = events(stage, operation).await?;
    let mut variables = stage.variables();
    if operation.is_none() {
        variables = stage.with_system_store(variables);
    }
    let mut function = Function::start(&function::binary(name), &variables, stage.logs()).await?;
    starts.poll.push_time(function.first_poll);
    for (index, event) in events.iter().enumerate() {
        let answered = function.invoke(event).await?;
        match operation {
            Some(operation) => operation.check(&answered)?,
            None if answered.response["statusCode"] == 200 => {}
            None => return Err(format!("{name}: {}", answered.response).into()),
        }
        if index == 0 {
            starts.answer.push_time(function.first_poll + answered.took);
            starts.answer_cpu.push_time(function.cpu()?);
        } else {
            starts.following.push_time(answered.took);
        }
    }
    if let Some(connection) = stage.tls.take_connections().first() {
        starts
            .connect
            .push_time(function.since_start(connection.accepted));
        starts.handshake.push_time(connection.handshake);
        if let Some(answered) = connection.answered {
            let handshaken = connection.accepted + connection.handshake;
            starts
                .read
                .push_time(answered.saturating_duration_since(handshaken));
        }
    }
    Ok(())
}

async fn events(stage: &Stage, operation: Option<Operation>) -> Outcome<Vec<String>> {
    let mut events = Vec::new();
    for _ in 0..=FOLLOWING {
        events.push(match operation {
            Some(operation) => operation.event(stage).await?,
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
        "Milliseconds, median (quartiles); × is the ratio of medians to the hello of the same round: `hello` to the first \
         poll, `hello-get-item` to the first answer. CPU is the processor time until then, which does not depend on how busy the machine is.",
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
        ]);
    }
    findings.tables.push(table);

    let mut table = Table::new(
        "Where the time to the first answer goes",
        "Milliseconds, medians, as seen from outside the process: loading and linking the program, until it ends because \
         nothing is configured; from there to the connection to the table (clients, trusted roots, the runtime, name \
         resolution; of `hello-get-item` with loading); the TLS handshake; the first read, of the keys; from there to the \
         answer, with the poll and the request itself. Last, what the system's trust store would add if our functions read \
         it as the SDK does.",
        &[
            "function",
            "loading",
            "to the connection",
            "handshake",
            "first read",
            "to the answer",
            "system's trust store",
        ],
    );
    for (name, start) in starts.iter().filter(|(_, start)| !start.connect.is_empty()) {
        let loading = start.load.median();
        let loaded = if start.load.is_empty() { 0.0 } else { loading };
        let connected = start.connect.median();
        let read = start.handshake.median() + start.read.median();
        table.row([
            name.clone(),
            short(loading),
            short(connected - loaded),
            short(start.handshake.median()),
            short(start.read.median()),
            short(start.answer.median() - connected - read),
            short(start.system_store_poll.median() - start.cold_poll.median()),
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
