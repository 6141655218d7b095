//! Reads and changes a service's table directly, bypassing the service.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use crate::TestService;

impl TestService {
    /// Every item of the table, as plain JSON.
    ///
    /// # Panics
    ///
    /// If the table cannot be read.
    pub async fn items(&self) -> Vec<Value> {
        self.raw_items().await.iter().map(plain_item).collect()
    }

    /// Every item of one partition, as plain JSON.
    ///
    /// # Panics
    ///
    /// If the table cannot be read.
    pub async fn partition(&self, pk: &str) -> Vec<Value> {
        let query = self
            .client
            .query()
            .consistent_read(true)
            .table_name(&self.state.config.table_name)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        let mut items = Vec::new();
        let mut pages = query.into_paginator().items().send();
        while let Some(item) = pages.next().await {
            items.push(plain_item(&item.expect("the table can be read")));
        }
        items
    }

    /// The record of a session.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn session_item(&self, session: &str) -> Value {
        let sk = format!("SESSION#{session}");
        self.items()
            .await
            .into_iter()
            .find(|item| item["sk"] == sk.as_str())
            .expect("the session has a record")
    }

    /// The types of all audit events, oldest first.
    pub async fn events(&self) -> Vec<String> {
        let mut events: Vec<_> = self
            .items()
            .await
            .into_iter()
            .filter(|item| !item["type"].is_null())
            .collect();
        events.sort_by_key(|event| (event["at"].as_i64(), event["sk"].to_string()));
        events
            .iter()
            .map(|event| event["type"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Deletes an event, as pruning does.
    ///
    /// # Panics
    ///
    /// If there is none, or the table cannot be written.
    pub async fn delete_event(&self, event: &str) {
        let sk = format!("EVENT#{event}");
        let items = self.items().await;
        let item = items.iter().find(|item| item["sk"] == sk.as_str());
        let item = item.expect("the event has a record");
        self.delete_item(item).await;
    }

    /// Deletes an item, as TTL does.
    ///
    /// # Panics
    ///
    /// If the table cannot be written.
    pub async fn delete_item(&self, item: &Value) {
        let key = |name: &str| AttributeValue::S(item[name].as_str().unwrap_or_default().to_owned());
        let delete = self
            .client
            .delete_item()
            .table_name(&self.state.config.table_name);
        let delete = delete.key("pk", key("pk")).key("sk", key("sk"));
        delete.send().await.expect("the table can be written");
    }

    /// Deletes the table, so that later calls fail.
    ///
    /// # Panics
    ///
    /// If it cannot be deleted.
    pub async fn lose_table(&self) {
        let deletion = self
            .client
            .delete_table()
            .table_name(&self.state.config.table_name);
        deletion.send().await.expect("the table can be deleted");
    }

    /// Puts an item into the table, bypassing all checks.
    ///
    /// # Panics
    ///
    /// If the table cannot be written.
    pub async fn put(&self, item: HashMap<String, AttributeValue>) {
        let put = self.client.put_item().table_name(&self.state.config.table_name);
        put.set_item(Some(item))
            .send()
            .await
            .expect("the table can be written");
    }

    /// Every item of the table, in `DynamoDB`'s form.
    ///
    /// # Panics
    ///
    /// If the table cannot be read.
    pub async fn raw_items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let scan = self
            .client
            .scan()
            .table_name(&self.state.config.table_name)
            .consistent_read(true);
        let pages: Result<Vec<_>, _> = scan.into_paginator().items().send().collect().await;
        pages.expect("the table can be read")
    }

    /// Sets one attribute of an item, bypassing all checks.
    ///
    /// # Panics
    ///
    /// If the table cannot be written.
    pub async fn tamper(&self, item: &Value, attribute: &str, value: AttributeValue) {
        let key = |name: &str| AttributeValue::S(item[name].as_str().unwrap_or_default().to_owned());
        let update = self
            .client
            .update_item()
            .table_name(&self.state.config.table_name);
        let update = update.key("pk", key("pk")).key("sk", key("sk"));
        let update = update
            .update_expression("SET #a = :v")
            .expression_attribute_names("#a", attribute);
        update
            .expression_attribute_values(":v", value)
            .send()
            .await
            .expect("the table can be written");
    }

    /// Deletes the published keys, as if none had ever been published.
    ///
    /// # Panics
    ///
    /// If the table cannot be written.
    pub async fn unpublish_keys(&self) {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let delete = self
            .client
            .delete_item()
            .table_name(&self.state.config.table_name);
        let delete = delete.key("pk", text("KEYS")).key("sk", text("JWKS"));
        delete.send().await.expect("the table can be written");
    }
}

fn plain_item(item: &HashMap<String, AttributeValue>) -> Value {
    Value::Object(
        item.iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
    )
}

fn plain(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => text.as_str().into(),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or_default(),
        AttributeValue::Bool(flag) => (*flag).into(),
        AttributeValue::L(list) => list.iter().map(plain).collect(),
        AttributeValue::M(map) => plain_item(map),
        _ => Value::Null,
    }
}
