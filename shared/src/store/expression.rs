//! Small helpers for expressions and items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// The condition of whatever must not replace an item.
pub(super) const ABSENT: &str = "attribute_not_exists(pk)";

pub(super) type Attributes = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// Collects an update's `SET` and `REMOVE` clauses with their values, one placeholder each.
///
/// An attribute whose new value is `None` is removed, so that data of an earlier request never mixes with this one's.
#[derive(Default)]
pub(super) struct Update {
    set: Vec<String>,
    remove: Vec<&'static str>,
    pub values: Attributes,
}

impl Update {
    pub fn set(&mut self, attribute: &'static str, value: AttributeValue) -> &mut Self {
        self.set.push(format!("{attribute} = :{attribute}"));
        self.values.insert(format!(":{attribute}"), value);
        self
    }

    pub fn set_or_remove(&mut self, attribute: &'static str, value: Option<AttributeValue>) -> &mut Self {
        if let Some(value) = value {
            return self.set(attribute, value);
        }
        self.remove.push(attribute);
        self
    }

    /// Adds a value for the condition or an extra clause.
    pub fn value(&mut self, placeholder: &str, value: AttributeValue) -> &mut Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    /// The update expression, followed by `also` (say, an `ADD` clause).
    pub fn expression(&self, also: &str) -> String {
        let mut clauses = Vec::with_capacity(3);
        if !self.set.is_empty() {
            clauses.push(format!("SET {}", self.set.join(", ")));
        }
        if !self.remove.is_empty() {
            clauses.push(format!("REMOVE {}", self.remove.join(", ")));
        }
        if !also.is_empty() {
            clauses.push(also.to_owned());
        }
        clauses.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_come_in_the_order_that_dynamodb_reads() {
        let mut update = Update::default();
        update
            .set("a", text("1"))
            .set_or_remove("b", None)
            .set_or_remove("c", Some(number(2)));
        assert_eq!(
            update.expression("ADD n :one"),
            "SET a = :a, c = :c REMOVE b ADD n :one"
        );
        assert_eq!(update.values.len(), 2);
        let mut removal = Update::default();
        removal.set_or_remove("b", None);
        assert_eq!(removal.expression(""), "REMOVE b");
    }
}
