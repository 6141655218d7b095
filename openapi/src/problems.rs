//! An operation's error responses: one per status, with its possible codes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::http::{Code, ErrorFormat, Operation};

use crate::{examples, headers};

/// Path of the problem schema.
pub const SCHEMA: &str = "#/components/schemas/Problem";
/// Path of the schema of RFC 6749's errors.
pub const OAUTH_SCHEMA: &str = "#/components/schemas/OAuthError";

/// The responses, by status.
pub fn responses(operation: &Operation) -> Map<String, Value> {
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in operation.codes() {
        let status = match operation.route.errors {
            ErrorFormat::Problem | ErrorFormat::ProblemWithGrantError => code.status(),
            ErrorFormat::OAuth => code.oauth().0,
        };
        by_status.entry(status).or_default().push(code);
    }
    let response =
        |(status, codes): (u16, Vec<Code>)| (status.to_string(), response(operation, status, &codes));
    by_status.into_iter().map(response).collect()
}

fn response(operation: &Operation, status: u16, codes: &[Code]) -> Value {
    let is_oauth = operation.route.errors == ErrorFormat::OAuth;
    let (media_type, schema, extension) = if is_oauth {
        ("application/json", OAUTH_SCHEMA, "x-oauth-errors")
    } else {
        ("application/problem+json", SCHEMA, "x-problem-codes")
    };
    let mut names: Vec<_> = if is_oauth {
        codes.iter().map(|code| code.oauth().1).collect()
    } else {
        codes.iter().map(|code| code.as_str()).collect()
    };
    names.dedup();
    let line = |code: &Code| {
        let name = if is_oauth { code.oauth().1 } else { code.as_str() };
        let what = if is_oauth {
            code.detail()
        } else {
            code.advice().text()
        };
        format!("- `{name}`: {what}")
    };
    let lines: Vec<_> = codes.iter().map(line).collect();
    let examples = codes.iter().map(|code| {
        let example = examples::problem(operation, *code);
        (
            code.as_str().to_owned(),
            json!({ "summary": code.detail(), "value": example }),
        )
    });
    let mut response = json!({
        "description": lines.join("\n"),
        // Not in the schema, because client generators would make a type per set of codes.
        extension: names,
        "content": { media_type: {
            "schema": { "$ref": schema },
            "examples": examples.collect::<Map<_, _>>(),
        } },
    });
    let headers = headers::of(operation, status);
    if !headers.is_empty() {
        response["headers"] = headers.into();
    }
    response
}
