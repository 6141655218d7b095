//! An operation's error responses: one per status, with its possible codes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::http::{Code, Operation};

use crate::{examples, headers};

/// Path of the problem schema.
pub const SCHEMA: &str = "#/components/schemas/Problem";

/// The responses, by status.
pub fn responses(operation: &Operation) -> Map<String, Value> {
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in operation.codes() {
        by_status.entry(code.status()).or_default().push(code);
    }
    let response =
        |(status, codes): (u16, Vec<Code>)| (status.to_string(), response(operation, status, &codes));
    by_status.into_iter().map(response).collect()
}

fn response(operation: &Operation, status: u16, codes: &[Code]) -> Value {
    let names: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let lines: Vec<_> = codes
        .iter()
        .map(|code| format!("- `{}`: {}", code.as_str(), code.advice().text()))
        .collect();
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
        "x-problem-codes": names,
        "content": { "application/problem+json": {
            "schema": { "$ref": SCHEMA },
            "examples": examples.collect::<Map<_, _>>(),
        } },
    });
    let headers = headers::of(operation, status);
    if !headers.is_empty() {
        response["headers"] = headers.into();
    }
    response
}
