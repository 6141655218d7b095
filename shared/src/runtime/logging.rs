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

/// Our own crates. The SDK and the runtime log whole requests below `warn`, so they never get there.
const OURS: [&str; 14] = [
    "shared",
    "activity",
    "admin",
    "authorizer",
    "cleanup",
    "jwks",
    "list",
    "login",
    "logout",
    "logout_all",
    "prune",
    "refresh",
    "revoke",
    "rotate_keys",
];

/// Starts logging at `level`. A second start changes nothing.
pub(crate) fn start(level: LevelFilter) {
    let _ = tracing::subscriber::set_global_default(lines(level, io::stdout));
    panic::set_hook(Box::new(tell_of_panic));
}

/// What writes the lines.
pub fn lines<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // Under cargo-lambda it warns, at each start, of a setting that it then handles as we want.
        .with_target("lambda_runtime", level.min(LevelFilter::ERROR))
        .with_targets(OURS.map(|name| (name, level)));
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
