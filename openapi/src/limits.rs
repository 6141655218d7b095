//! Rate limits: the configuration's defaults, as an extension and as text.

use serde_json::{Value, json};
use shared::{
    domain::clock::DAY,
    domain::rate::{Limits, Rule},
    http::Operation,
    runtime::config::Config,
};

/// The limits of a default deployment.
fn defaults() -> Limits {
    let required = |name: &str| match name {
        "TABLE_NAME" | "AUDIENCE" => Some("holdfast".to_owned()),
        "ISSUER" => Some("https://example.com".to_owned()),
        _ => None,
    };
    let config = Config::from_lookup(required);
    config.expect("all else has a default").rate_limits
}

/// `x-rate-limit`: the rules of an operation.
pub fn extension(operation: &Operation) -> Value {
    let defaults = defaults();
    let rule = |rule: &Rule| {
        json!({
            "name": rule.name(),
            "requests": defaults.for_rule(*rule),
            "seconds": rule.window_seconds(),
            "counts": rule.counts(),
        })
    };
    operation.route.access.limits().iter().map(rule).collect()
}

/// The same as text, appended to the description.
pub fn text(operation: &Operation) -> String {
    let defaults = defaults();
    let rule = |rule: &Rule| {
        let window = if rule.window_seconds() == DAY {
            "day"
        } else {
            "minute"
        };
        format!("{} a {window}, {}", defaults.for_rule(*rule), rule.counts())
    };
    let rules: Vec<_> = operation.route.access.limits().iter().map(rule).collect();
    match rules.as_slice() {
        [] => "Rate limit: none of its own.".to_owned(),
        rules => format!("Rate limit, unless configured otherwise: {}.", rules.join("; ")),
    }
}
