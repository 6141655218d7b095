//! What `DynamoDB` requests say about themselves.

use serde_json::Value;

/// The operation in an `X-Amz-Target`: `GetItem` in `DynamoDB_20120810.GetItem`.
pub(crate) fn operation(target: &str) -> &str {
    target.rsplit('.').next().unwrap_or_default()
}

/// Whether an operation writes.
#[must_use]
pub fn is_write(operation: &str) -> bool {
    ["PutItem", "UpdateItem", "DeleteItem", "WriteItem"]
        .iter()
        .any(|kind| operation.contains(kind))
}

/// Makes the request also ask for the capacity that it consumes.
///
/// # Errors
///
/// If it is not JSON.
pub(crate) fn with_capacity(request: &[u8]) -> Result<String, serde_json::Error> {
    let mut request: Value = serde_json::from_slice(request)?;
    request["ReturnConsumedCapacity"] = "TOTAL".into();
    Ok(request.to_string())
}

/// The capacity in an answer: of one table, or the sum over a list. `None` if the answer reports none.
pub(crate) fn consumed_capacity(answer: &Value) -> Option<f64> {
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) if tables.is_empty() => None,
        Value::Array(tables) => tables.iter().map(|table| table["CapacityUnits"].as_f64()).sum(),
        table => table["CapacityUnits"].as_f64(),
    }
}
