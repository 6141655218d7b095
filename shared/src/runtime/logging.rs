//! Logs to standard output, one line for each event.

use std::{
    io::{self, IsTerminal as _},
    panic::{self, PanicHookInfo},
};

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer as _,
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

use super::text_lines::TextLines;
use crate::domain::clock::Clock;

/// The `User-Agent` of the requests with which `make dev` starts the functions. As text, nothing is logged of them unless
/// they fail: no developer sent them.
pub const PROBE_AGENT: &str = "holdfast-start/1";

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A JSON object, for programs.
    Json,
    /// Text, for people.
    Text {
        /// Whether a terminal may show it in colors.
        allows_colors: bool,
    },
}

/// Starts logging at `level` for `function`. A second start has no effect.
pub(crate) fn start(level: LevelFilter, format: LogFormat, function: &str) {
    let _ = tracing::subscriber::set_global_default(lines(level, format, &[function], io::stdout));
    panic::set_hook(Box::new(tell_of_panic));
}

/// Writes the log lines of `functions`. Of other crates it writes only warnings and errors, because below those the SDK
/// and the runtime log whole requests.
pub fn lines<W>(
    level: LevelFilter,
    format: LogFormat,
    functions: &[&str],
    writer: W,
) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // Under cargo-lambda each start warns of a setting that is then handled as we want.
        .with_target("lambda_runtime", level.min(LevelFilter::ERROR))
        .with_target("shared", level)
        .with_targets(functions.iter().map(|name| (name.replace('-', "_"), level)));
    let lines = match format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(writer)
            .boxed(),
        LogFormat::Text { allows_colors } => fmt::layer()
            .event_format(TextLines {
                clock: Clock::system(),
                has_colors: allows_colors && io::stdout().is_terminal(),
            })
            .with_writer(writer)
            .boxed(),
    };
    tracing_subscriber::registry().with(targets).with(lines)
}

/// Logs where a panic happened but not its message, which may quote text that a client sent.
pub fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    tracing::error!(place, "panicked");
}
