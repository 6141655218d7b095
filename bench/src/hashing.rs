//! Password hashing: against the reference implementation, with reused memory, and with the CPU time that Lambda gives
//! a function of each size.

use std::{hint::black_box, process::Command};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::time::Instant;

use testkit::Outcome;

use crate::{
    function,
    operations::Operation,
    report::{Findings, Table, ratio},
    stack::BenchStack,
    stats::{Sample, short},
    throttle::{Throttle, share_of},
};

/// The service's parameters, and those that OWASP and RFC 9106 §4 recommend for more memory.
const PARAMETERS: [(u32, u32, u32); 3] = [(19_456, 2, 1), (47_104, 1, 1), (65_536, 3, 4)];
/// Runs of each.
const ROUNDS: usize = 15;
/// Memory sizes to compare.
const SIZES_MB: [u32; 5] = [256, 512, 1024, 1536, 1769];
/// Logins at each size.
const LOGINS: usize = 15;

/// Measures it all.
///
/// # Errors
///
/// If the reference implementation is not installed, or `login` does not answer.
pub async fn run() -> Outcome<Findings> {
    Ok(Findings {
        tables: vec![implementations()?, sizes().await?],
        budgets: Vec::new(),
    })
}

fn implementations() -> Outcome<Table> {
    let mut table = Table::new(
        "Argon2id",
        "Milliseconds for one hash, median (quartiles); the ratio of medians to the C reference implementation (argon2-cffi), \
         in the same run. Ours: with memory that is allocated for each hash, and with memory that is kept, as the service does. \
         The reference computes lanes in threads, ours one after the other.",
        &[
            "memory KiB, passes, lanes",
            "ours",
            "× reference",
            "ours, memory kept",
            "× reference",
            "reference",
        ],
    );
    for (memory, passes, lanes) in PARAMETERS {
        crate::progress::show(&format!("hashing: {memory} KiB, {passes} passes, {lanes} lanes"));
        let params = Params::new(memory, passes, lanes, Some(32))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let mut kept = vec![Block::default(); params.block_count()];
        let (mut fresh_times, mut kept_times, mut reference_times) =
            (Sample::default(), Sample::default(), Sample::default());
        for _ in 0..ROUNDS {
            let mut out = [0; 32];
            let from = Instant::now();
            argon2.hash_password_into(b"correct horse battery staple", &[7; 16], &mut out)?;
            fresh_times.push_time(from.elapsed());
            let from = Instant::now();
            argon2.hash_password_into_with_memory(
                b"correct horse battery staple",
                &[7; 16],
                &mut out,
                &mut kept,
            )?;
            kept_times.push_time(from.elapsed());
            black_box(out);
            reference_times.push(reference(memory, passes, lanes)?);
        }
        let base = reference_times.median();
        table.row([
            format!("{memory}, {passes}, {lanes}"),
            fresh_times.to_string(),
            ratio(fresh_times.median(), base),
            kept_times.to_string(),
            ratio(kept_times.median(), base),
            reference_times.to_string(),
        ]);
    }
    Ok(table)
}

/// Milliseconds that the reference implementation takes, measured around the call in its own process.
fn reference(memory: u32, passes: u32, lanes: u32) -> Outcome<f64> {
    let program = format!(
        "import time\nfrom argon2.low_level import Type, hash_secret_raw\n\
         def run():\n    start = time.perf_counter()\n    hash_secret_raw(b'correct horse battery staple', bytes([7] * 16), \
         {passes}, {memory}, {lanes}, 32, Type.ID)\n    return (time.perf_counter() - start) * 1000\n\
         run()\nprint(run())"
    );
    let python = testkit::root().join(".venv/bin/python");
    let output = Command::new(&python).arg("-c").arg(program).output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(
            format!("the reference implementation failed (`make bench` installs it): {error}").into(),
        );
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

async fn sizes() -> Outcome<Table> {
    let stack = BenchStack::set().await?;
    let mut table = Table::new(
        "Login by the size of its function",
        "A warm login (19456 KiB, 2 passes, 1 lane) in milliseconds, of 15, with the share of a processor that Lambda gives a function \
         of that size (1769 MB: one whole), emulated by stopping the process for the rest of each 20 ms (SIGSTOP, SIGCONT). \
         Cost: the time at $0.0000133334 a GB-second (arm64, us-east-1), for a million logins.",
        &[
            "memory MB",
            "share of a processor",
            "p50 ms",
            "slowest ms",
            "$ per million",
        ],
    );
    for size in SIZES_MB {
        crate::progress::show(&format!("hashing: login with {size} MB"));
        let mut login = function::start("login", &stack.variables()).await?;
        Operation::LOGIN.check(&login.invoke(&Operation::LOGIN.event(&stack).await?).await?)?;
        let share = share_of(size);
        let throttle = Throttle::start(login.pid(), share)?;
        let mut times = Sample::default();
        for _ in 0..LOGINS {
            let answered = login.invoke(&Operation::LOGIN.event(&stack).await?).await?;
            Operation::LOGIN.check(&answered)?;
            times.push_time(answered.took);
        }
        drop(throttle);
        let dollars = times.median() / 1000.0 * f64::from(size) / 1024.0 * 13.3334;
        table.row([
            size.to_string(),
            format!("{:.0} %", share * 100.0),
            short(times.median()),
            short(times.quantile(1.0)),
            short(dollars),
        ]);
    }
    Ok(table)
}
