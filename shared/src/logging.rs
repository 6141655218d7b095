//! One JSON line for each thing worth telling, on standard output.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Our own crates. The SDK and the runtime log whole requests below `warn`, so they never get there.
const OURS: [&str; 13] = [
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
    "refresh",
    "revoke",
    "rotate_keys",
];

/// Starts logging at `level`. A second start changes nothing.
pub(crate) fn start(level: LevelFilter) {
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // Under cargo-lambda it warns, at each start, of a setting that it then handles as we want.
        .with_target("lambda_runtime", level.min(LevelFilter::ERROR))
        .with_targets(OURS.map(|name| (name, level)));
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    let _ = tracing_subscriber::registry()
        .with(targets)
        .with(lines)
        .try_init();
}
