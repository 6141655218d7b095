//! Writes metrics to standard output in `CloudWatch`'s embedded metric format; Lambda forwards them.
//!
//! Each distinct combination of dimension values is a metric that is billed monthly. So names and dimensions are
//! compile-time strings, and nothing that a client sends can get in.

use std::{
    io::{self, Write as _},
    sync::OnceLock,
};

use serde_json::{Value, json};

use crate::domain::clock::Clock;

/// A name and its value: `("Outcome", "succeeded")`.
pub type Dimension = (&'static str, &'static str);

/// A metric's name and the value to add to it.
pub type Count = (&'static str, u64);

static SINK: OnceLock<Sink> = OnceLock::new();

/// Starts writing metrics to `namespace`. A second start has no effect.
pub(crate) fn start(namespace: &str, clock: Clock) {
    let _ = SINK.set(Sink {
        namespace: namespace.to_owned(),
        clock,
    });
}

/// Writes one line with all of `counts`, if a namespace is configured (`METRICS_NAMESPACE`).
///
/// Best effort: a line that cannot be written is lost, and nothing fails.
pub fn count(dimensions: &[Dimension], counts: &[Count]) {
    if let Some(sink) = SINK.get() {
        let line = format!("{}\n", sink.line(dimensions, counts));
        let _ = io::stdout().lock().write_all(line.as_bytes());
    }
}

struct Sink {
    namespace: String,
    clock: Clock,
}

impl Sink {
    fn line(&self, dimensions: &[Dimension], counts: &[Count]) -> Value {
        let names: Vec<_> = dimensions.iter().map(|(name, _)| name).collect();
        let metrics: Vec<_> = counts
            .iter()
            .map(|(name, _)| json!({ "Name": name, "Unit": "Count" }))
            .collect();
        let mut line = json!({ "_aws": {
            "Timestamp": self.clock.now().0,
            "CloudWatchMetrics": [{ "Namespace": self.namespace, "Dimensions": [names], "Metrics": metrics }],
        }});
        for &(name, value) in dimensions {
            line[name] = value.into();
        }
        for &(name, value) in counts {
            line[name] = value.into();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Millis;

    #[test]
    fn a_line_is_a_document_of_the_embedded_metric_format() {
        let sink = Sink {
            namespace: "Holdfast/test".to_owned(),
            clock: Clock::manual(Millis(1_700_000_000_123)),
        };
        let line = sink.line(
            &[("Function", "prune"), ("Outcome", "succeeded")],
            &[("Runs", 1), ("PrunedEvents", 25)],
        );
        let expected = json!({
            "_aws": {
                "Timestamp": 1_700_000_000_123_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Holdfast/test",
                    "Dimensions": [["Function", "Outcome"]],
                    "Metrics": [{ "Name": "Runs", "Unit": "Count" }, { "Name": "PrunedEvents", "Unit": "Count" }],
                }],
            },
            "Function": "prune",
            "Outcome": "succeeded",
            "Runs": 1,
            "PrunedEvents": 25,
        });
        assert_eq!(line, expected);
    }
}
