//! What a request costs a warm function: CPU time, wall time, and memory after a thousand requests.

use std::time::Duration;

use testkit::FunctionProcess;
use tokio::time::Instant;

use testkit::Outcome;

use crate::{
    function,
    operations::Operation,
    report::{Budget, Findings, Table},
    split,
    stack::BenchStack,
    stats::{Sample, short},
};

/// Sequential requests to each instance.
const REQUESTS: u32 = 1000;
/// Number of concurrent instances, and requests to each.
const CLIENTS: usize = 32;
const EACH: usize = 10;

/// Operations for which concurrent load matters.
const CROWDED: [Operation; 4] = [
    Operation::LOGIN,
    Operation::REFRESH,
    Operation::LIST,
    Operation::REVOKE,
];

const MIB: f64 = 1_048_576.0;

/// Measures all operations but the repeated refresh, a kind of refresh.
///
/// # Errors
///
/// If a function does not answer with success.
pub async fn run() -> Outcome<Findings> {
    let stack = BenchStack::set().await?;
    let mut findings = Findings::default();
    let mut refresh = Duration::ZERO;
    let mut table = Table::new(
        "Processor time, time and memory per request",
        &format!(
            "{REQUESTS} requests to one warm instance, one after the other, over TLS to the embedded database: processor time \
             (user and system) of the function's process for each; milliseconds from the event to the answer; the most memory \
             that was ever resident (VmHWM)."
        ),
        &["operation", "CPU ms", "p50 ms", "p99 ms", "peak memory MiB"],
    );
    for operation in Operation::all() {
        if operation == Operation::RefreshAgain {
            continue;
        }
        let (cpu, times, memory) = one_client(&stack, operation).await?;
        if operation == Operation::REFRESH {
            refresh = cpu / REQUESTS;
        }
        table.row([
            operation.name().to_owned(),
            short(cpu.as_secs_f64() * 1000.0 / f64::from(REQUESTS)),
            short(times.median()),
            short(times.quantile(0.99)),
            short(memory),
        ]);
        let most = if operation == Operation::LOGIN { 64.0 } else { 16.0 };
        let what = format!("{}: peak memory after {REQUESTS} requests", operation.name());
        findings.budgets.push(Budget::at_most(what, most, memory, " MiB"));
    }
    findings.tables.push(table);
    findings.tables.push(split::table(refresh).await?);

    let mut table = Table::new(
        "Many at once",
        &format!(
            "{CLIENTS} warm instances, each answering {EACH} requests one after the other, all on this machine's cores together \
             with the database. Milliseconds from the event to the answer."
        ),
        &["operation", "CPU ms", "p50 ms", "p99 ms", "requests a second"],
    );
    for operation in CROWDED {
        let (cpu, times, rate) = many_clients(&stack, operation).await?;
        table.row([
            operation.name().to_owned(),
            short(cpu),
            short(times.median()),
            short(times.quantile(0.99)),
            short(rate),
        ]);
    }
    findings.tables.push(table);
    Ok(findings)
}

async fn one_client(stack: &BenchStack, operation: Operation) -> Outcome<(Duration, Sample, f64)> {
    let mut function = start(stack, operation).await?;
    let before = function.cpu()?;
    let mut times = Sample::default();
    for number in 1..=REQUESTS {
        if number % 50 == 0 {
            crate::progress::show(&format!("requests: {} {number} of {REQUESTS}", operation.name()));
        }
        let answered = function.invoke(&operation.event(stack).await?).await?;
        operation.check(&answered)?;
        times.push_time(answered.took);
    }
    #[expect(clippy::cast_precision_loss, reason = "a few megabytes")]
    let memory = function.peak_memory()? as f64 / MIB;
    Ok((function.cpu()?.saturating_sub(before), times, memory))
}

async fn many_clients(stack: &BenchStack, operation: Operation) -> Outcome<(f64, Sample, f64)> {
    crate::progress::show(&format!("requests: {} by {CLIENTS} at once", operation.name()));
    let mut instances = Vec::new();
    for _ in 0..CLIENTS {
        let mut events = Vec::new();
        for _ in 0..EACH {
            events.push(operation.event(stack).await?);
        }
        instances.push((start(stack, operation).await?, events));
    }
    let from = Instant::now();
    let work = instances.into_iter().map(|(mut function, events)| {
        tokio::spawn(async move {
            let (before, mut times) = (function.cpu()?, Vec::new());
            for event in events {
                let answered = function.invoke(&event).await?;
                operation.check(&answered)?;
                times.push(answered.took);
            }
            Outcome::Ok((function.cpu()?.saturating_sub(before), times))
        })
    });
    let (mut cpu, mut times) = (Duration::ZERO, Sample::default());
    for done in work.collect::<Vec<_>>() {
        let (used, took) = done.await??;
        cpu += used;
        for time in took {
            times.push_time(time);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let count = (CLIENTS * EACH) as f64;
    let rate = count / from.elapsed().as_secs_f64();
    Ok((cpu.as_secs_f64() * 1000.0 / count, times, rate))
}

/// A warm instance: it has answered once.
async fn start(stack: &BenchStack, operation: Operation) -> Outcome<FunctionProcess> {
    let mut function = function::start(operation.function(), &stack.variables()).await?;
    operation.check(&function.invoke(&operation.event(stack).await?).await?)?;
    Ok(function)
}
