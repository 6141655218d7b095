//! Logs to standard output, one JSON line for each event.

use std::{
    io,
    panic::{self, PanicHookInfo},
};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

/// Starts logging at `level` for `function`. A second start has no effect.
pub(crate) fn start(level: LevelFilter, function: &str) {
    let _ = tracing::subscriber::set_global_default(lines(level, &[function], io::stdout));
    panic::set_hook(Box::new(tell_of_panic));
}

/// Writes the log lines of `functions`. Of other crates it writes only warnings and errors, because below those the SDK
/// and the runtime log whole requests.
pub fn lines<W>(level: LevelFilter, functions: &[&str], writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // Under cargo-lambda each start warns of a setting that is then handled as we want.
        .with_target("lambda_runtime", level.min(LevelFilter::ERROR))
        .with_target("shared", level)
        .with_targets(functions.iter().map(|name| (name.replace('-', "_"), level)));
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(targets).with(lines)
}

/// Logs where a panic happened but not its message, which may quote text that a client sent.
pub fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    tracing::error!(place, "panicked");
}
