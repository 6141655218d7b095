//! Reading and writing items with serde; errors name the attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, de::DeserializeOwned};

use crate::store::{
    error::StoreError,
    expression::Attributes,
    item_keys::{self, ItemKey},
};

/// Reads an item. Errors name the invalid attribute.
pub(in crate::store) fn read<T: DeserializeOwned>(what: &str, item: Attributes) -> Result<T, StoreError> {
    let sort_key = item
        .get(item_keys::SK)
        .and_then(|sk| sk.as_s().ok())
        .cloned()
        .unwrap_or_default();
    let map = serde_dynamo::AttributeValue::from(AttributeValue::M(item));
    serde_path_to_error::deserialize(serde_dynamo::Deserializer::from_attribute_value(map)).map_err(|error| {
        let name = format!("{what} {sort_key}");
        corrupt(&name, &error.path().to_string(), error.inner().to_string())
    })
}

/// Writes an item with its key.
pub(in crate::store) fn write<T: Serialize>(key: &ItemKey, value: &T) -> Attributes {
    let fields: HashMap<String, AttributeValue> = serde_dynamo::aws_sdk_dynamodb_1::to_item(value).expect(
        "our item structs hold strings, numbers and options only, all of which have an attribute type",
    );
    let mut item = key.attributes();
    item.extend(fields);
    item
}

/// A stored item that is not valid.
pub(super) fn corrupt(item: &str, attribute: &str, reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        item: item.to_owned(),
        attribute: attribute.to_owned(),
        reason: reason.into(),
    }
}
