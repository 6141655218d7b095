//! Every request of the functions to DynamoDB, as IAM sees it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_dynamodb::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};
use serde_json::{Value, json};
use testkit::CapacityMeter;

use crate::recorded::{self, Recorded};

/// Records the requests of clients. Clones share the record.
#[derive(Clone, Debug, Default)]
pub struct RecordedCalls {
    calls: Arc<Mutex<Vec<Call>>>,
    /// Their cost.
    pub meter: CapacityMeter,
}

/// One request to DynamoDB. Each of the SDK's attempts is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The API operation: `GetItem`, `TransactWriteItems` …
    pub operation: String,
    /// The permissions it needs, in the request's order.
    pub accesses: Vec<Access>,
}

/// One permission that a request needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// The IAM action without its service. Parts of a transaction have one each, such as `PutItem`.
    pub action: String,
    /// The index, or `None` for the table.
    pub index: Option<String>,
    /// Partition key (`dynamodb:LeadingKeys`). `None` for a scan.
    pub leading_key: Option<String>,
    /// The attributes that it names (`dynamodb:Attributes`).
    pub attributes: BTreeSet<String>,
    /// What it returns (`dynamodb:ReturnValues`; of a read, `dynamodb:Select`).
    pub returns: String,
}

impl Call {
    /// What IAM must allow.
    #[must_use]
    pub fn needs(&self) -> Vec<Recorded> {
        Recorded::of("DynamoDB", "", &self.accesses)
    }
}

impl RecordedCalls {
    /// Wraps `client` so that its requests are recorded.
    #[must_use]
    pub fn recording(&self, client: &Client) -> Client {
        let config = client.config().to_builder().interceptor(self.clone());
        Client::from_conf(config.interceptor(self.meter.clone()).build())
    }

    /// What was recorded since the last call.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for RecordedCalls {
    fn name(&self) -> &'static str {
        "RecordedCalls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let Some((service, operation)) = target.split_once('.') else {
            recorded::note(Recorded::of_s3(request.method(), request.uri()));
            return Ok(());
        };
        let operation = operation.to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        let accesses = accesses(&operation, &body);
        let call = Call { operation, accesses };
        let secret = body["SecretId"].as_str().unwrap_or_default();
        for needed in Recorded::of(service, secret, &call.accesses) {
            recorded::note(needed);
        }
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        Ok(())
    }
}

/// The only items that a put replaces. Of all others, it must demand that there is none.
const WRITTEN_OVER: [&str; 2] = ["KEYS", "PRUNE"];

fn accesses(operation: &str, body: &Value) -> Vec<Access> {
    match operation {
        "TransactWriteItems" => list(&body["TransactItems"]).flat_map(members).map(part).collect(),
        "BatchGetItem" => members(&body["RequestItems"])
            .flat_map(|(_, table)| list(&table["Keys"]))
            .map(|key| access(operation, &json!({ "Key": key })))
            .collect(),
        _ => vec![access(operation, body)],
    }
}

/// Each part of a transaction needs the permission of its own action.
fn part((kind, request): (&String, &Value)) -> Access {
    let action = match kind.as_str() {
        "ConditionCheck" => "ConditionCheckItem".to_owned(),
        kind => format!("{kind}Item"),
    };
    access(&action, request)
}

fn access(action: &str, request: &Value) -> Access {
    let text = |value: &Value| value["S"].as_str().map(str::to_owned);
    let put = text(&request["Item"]["pk"]).filter(|key| !WRITTEN_OVER.contains(&key.as_str()));
    if let Some(key) = put {
        let condition = &request["ConditionExpression"];
        assert_eq!(
            condition, "attribute_not_exists(pk)",
            "{key} could be written over"
        );
    }
    let by_query = || {
        let placeholder = request["KeyConditionExpression"]
            .as_str()?
            .split_whitespace()
            .nth(2)?;
        text(&request["ExpressionAttributeValues"][placeholder])
    };
    Access {
        action: action.to_owned(),
        index: request["IndexName"].as_str().map(str::to_owned),
        leading_key: text(&request["Key"]["pk"])
            .or_else(|| text(&request["Item"]["pk"]))
            .or_else(by_query),
        attributes: attributes(request),
        returns: returns(action, request).to_owned(),
    }
}

fn returns<'a>(action: &str, request: &'a Value) -> &'a str {
    match action {
        "GetItem" | "BatchGetItem" | "Query" if request["ProjectionExpression"].is_null() => "ALL_ATTRIBUTES",
        "GetItem" | "BatchGetItem" | "Query" => "SPECIFIC_ATTRIBUTES",
        _ => request["ReturnValues"].as_str().unwrap_or("NONE"),
    }
}

/// The attributes in a request's key, item and expressions: of a path like `tickets[0].ticket_hash`, the first name.
fn attributes(request: &Value) -> BTreeSet<String> {
    const WORDS: [&str; 12] = [
        "SET",
        "REMOVE",
        "ADD",
        "AND",
        "OR",
        "NOT",
        "attribute_exists",
        "attribute_not_exists",
        "begins_with",
        "if_not_exists",
        "list_append",
        "size",
    ];
    let expressions = [
        "KeyConditionExpression",
        "ConditionExpression",
        "UpdateExpression",
        "ProjectionExpression",
        "FilterExpression",
    ];
    let texts = expressions.iter().filter_map(|name| request[name].as_str());
    let is_name = |word: &&str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '#') && !WORDS.contains(word)
    };
    let paths = texts.flat_map(|text| {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "_#:.[]".contains(c)))
            .map(|path| path.split(['.', '[']).next().unwrap_or_default())
            .filter(is_name)
    });
    let named = paths.map(|name| request["ExpressionAttributeNames"][name].as_str().unwrap_or(name));
    let whole = ["Key", "Item"]
        .iter()
        .flat_map(|part| members(&request[part]))
        .map(|(name, _)| name.as_str());
    named.chain(whole).map(str::to_owned).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
