//! One JSON line for each thing worth telling, on standard output.

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

/// Starts logging at `level` for the function of this name. A second start changes nothing.
pub(crate) fn start(level: LevelFilter, function: &str) {
    let _ = tracing::subscriber::set_global_default(lines(level, &[function], io::stdout));
    panic::set_hook(Box::new(tell_of_panic));
}

/// What writes the lines of these functions. Of all other crates only warnings and errors are written: below them the
/// SDK and the runtime log whole requests.
pub fn lines<W>(level: LevelFilter, functions: &[&str], writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // Under cargo-lambda it warns, at each start, of a setting that it then handles as we want.
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

/// Tells where a panic was and not what it said: a panic over a text shows the text, which may be a client's.
pub fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    tracing::error!(place, "panicked");
}
