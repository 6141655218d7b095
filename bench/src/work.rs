//! The `DynamoDB` requests of each operation, and their cost.

use std::time::Duration;

use testkit::RecordedRequest;
use tokio::time::Instant;

use testkit::Outcome;

use crate::{
    function,
    operations::Operation,
    report::{Budget, Findings, Table},
    stack::BenchStack,
    stats::short,
};

/// Dollars per million units, on demand, in us-east-1: the price list since 1 November 2024.
const MILLION_READS: f64 = 0.125;
const MILLION_WRITES: f64 = 0.625;

/// Delay of each of the table's responses, to show which requests wait for others.
const DELAY: Duration = Duration::from_millis(25);

/// Sequential requests within budget. Login: two, plus the one alongside the hash.
const MAX_IN_SEQUENCE: [(Operation, f64); 6] = [
    (Operation::REFRESH, 1.0),
    (Operation::RefreshAgain, 1.0),
    (Operation::LIST, 1.0),
    (Operation::LOGOUT, 2.0),
    (Operation::REVOKE, 2.0),
    (Operation::LOGIN, 3.0),
];

/// Records each operation once, on a warm function.
///
/// # Errors
///
/// If a function does not answer with success.
pub async fn run() -> Outcome<Findings> {
    let stack = BenchStack::set().await?;
    let mut findings = Findings::default();
    let mut table = Table::new(
        "Work per operation",
        &format!(
            "Requests to DynamoDB of a warm function, rate limits on; units as the engine reports them \
             (ReturnConsumedCapacity; a failed condition is charged as the write it would have been). Dollars for a million \
             operations: DynamoDB only, on demand, at ${MILLION_READS} a million read and ${MILLION_WRITES} a million write \
             units (us-east-1, price list since 1 November 2024); API Gateway and Lambda come on top for each request alike."
        ),
        &[
            "operation",
            "in sequence",
            "in all",
            "read units",
            "write units",
            "bytes sent",
            "bytes received",
            "$ per million",
            "requests",
        ],
    );
    for operation in Operation::all() {
        crate::progress::show(&format!("work: {}", operation.name()));
        let requests = record(&stack, operation).await?;
        let sequence = in_sequence(&requests);
        let (reads, writes) = (sum(&requests, |r| r.reads), sum(&requests, |r| r.writes));
        let names: Vec<_> = requests
            .iter()
            .map(|request| request.operation.as_str())
            .collect();
        table.row([
            operation.name().to_owned(),
            sequence.to_string(),
            requests.len().to_string(),
            format!("{reads}"),
            format!("{writes}"),
            requests
                .iter()
                .map(|request| request.sent)
                .sum::<usize>()
                .to_string(),
            requests
                .iter()
                .map(|request| request.received)
                .sum::<usize>()
                .to_string(),
            short(reads * MILLION_READS + writes * MILLION_WRITES),
            names.join(", "),
        ]);
        if let Some((_, most)) = MAX_IN_SEQUENCE.iter().find(|(which, _)| *which == operation) {
            let what = format!("{}: DynamoDB requests in sequence", operation.name());
            findings
                .budgets
                .push(Budget::at_most(what, *most, f64::from(sequence), ""));
        }
        if operation == Operation::REFRESH {
            findings
                .budgets
                .push(Budget::at_most("refresh: write units", 1.0, writes, ""));
        }
    }
    findings.tables.push(table);
    Ok(findings)
}

async fn record(stack: &BenchStack, operation: Operation) -> Outcome<Vec<RecordedRequest>> {
    let mut function = function::start(operation.function(), &stack.variables()).await?;
    // The first request makes reads that others do not.
    operation.check(&function.invoke(&operation.event(stack).await?).await?)?;
    let event = operation.event(stack).await?;
    if operation == Operation::RefreshAgain {
        operation.check(&function.invoke(&event).await?)?;
    }
    stack.recorder.record(DELAY);
    let answered = function.invoke(&event).await;
    let requests = stack.recorder.stop();
    operation.check(&answered?)?;
    if requests.is_empty() && operation.function() != registry::jwks::FUNCTION.name {
        return Err(format!("{}: no request was recorded", operation.name()).into());
    }
    Ok(requests)
}

/// How many of the requests waited for one another: the longest chain without overlaps.
fn in_sequence(requests: &[RecordedRequest]) -> u32 {
    let mut requests: Vec<_> = requests.iter().collect();
    requests.sort_by_key(|request| request.until);
    let mut last: Option<Instant> = None;
    let mut count = 0;
    for request in requests {
        if last.is_none_or(|last| request.from >= last) {
            count += 1;
            last = Some(request.until);
        }
    }
    count
}

fn sum(requests: &[RecordedRequest], of: impl Fn(&RecordedRequest) -> f64) -> f64 {
    // An empty sum would be -0.
    requests.iter().map(of).sum::<f64>() + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_side_by_side_count_once() {
        let start = Instant::now();
        let request = |from: u64, until: u64| RecordedRequest {
            operation: String::new(),
            from: start + Duration::from_millis(from),
            until: start + Duration::from_millis(until),
            sent: 0,
            received: 0,
            reads: 0.0,
            writes: 0.0,
        };
        assert_eq!(in_sequence(&[]), 0);
        assert_eq!(in_sequence(&[request(0, 25), request(1, 26), request(2, 60)]), 1);
        assert_eq!(
            in_sequence(&[request(0, 25), request(1, 60), request(26, 50), request(51, 80)]),
            3
        );
    }
}
