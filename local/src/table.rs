//! The table's definition, read from `template.yaml`, which is its only source.

use std::path::Path;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};

use crate::error::Error;
use crate::template::{self, Node};

/// The logical id of the table in the template.
const LOGICAL_ID: &str = "Table";

/// A `DynamoDB` table as the template defines it: keys, indexes and TTL attribute.
///
/// Ignores the rest of the template (backups, encryption, protection), which means nothing for a table that a
/// development machine or a test discards, and the billing mode: the table is on-demand.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDefinition {
    pub(crate) attributes: Vec<AttributeDefinition>,
    pub(crate) keys: Vec<KeySchemaElement>,
    pub(crate) indexes: Vec<GlobalSecondaryIndex>,
    pub(crate) ttl_attribute: Option<String>,
}

impl TableDefinition {
    /// Reads the resource `Table` of a template file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read, otherwise as [`from_template`](Self::from_template).
    pub fn from_template_file(path: &Path) -> Result<Self, Error> {
        let yaml = std::fs::read_to_string(path).map_err(|source| Error::File {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        Self::from_template(&yaml)
    }

    /// Reads the resource `Table` from a template's text.
    ///
    /// # Errors
    ///
    /// [`Error::Yaml`] if it is not YAML; [`Error::Template`], naming the place, if the resource is missing, is not an
    /// `AWS::DynamoDB::Table`, or uses an intrinsic function (`!Ref` …) for what must be known here.
    pub fn from_template(yaml: &str) -> Result<Self, Error> {
        template::read(yaml, |root| {
            let resource = root.get("Resources")?.get(LOGICAL_ID)?;
            let kind = resource.get("Type")?;
            if kind.text()? != "AWS::DynamoDB::Table" {
                return Err(kind.error("expected AWS::DynamoDB::Table"));
            }
            Self::from_properties(&resource.get("Properties")?)
        })
    }

    fn from_properties(properties: &Node<'_>) -> Result<Self, Error> {
        if let Some(local) = properties.find("LocalSecondaryIndexes")? {
            return Err(local.error("local secondary indexes are not supported by the development stack"));
        }
        let attributes = properties.get("AttributeDefinitions")?;
        let indexes = match properties.find("GlobalSecondaryIndexes")? {
            Some(indexes) => indexes.items()?.iter().map(index).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        Ok(Self {
            attributes: attributes
                .items()?
                .iter()
                .map(attribute)
                .collect::<Result<_, _>>()?,
            keys: key_schema(&properties.get("KeySchema")?)?,
            indexes,
            ttl_attribute: ttl_attribute(properties)?,
        })
    }

    pub(crate) const fn billing_mode() -> BillingMode {
        BillingMode::PayPerRequest
    }
}

fn attribute(node: &Node<'_>) -> Result<AttributeDefinition, Error> {
    AttributeDefinition::builder()
        .attribute_name(node.get("AttributeName")?.text()?)
        .attribute_type(ScalarAttributeType::from(node.get("AttributeType")?.text()?))
        .build()
        .map_err(|error| node.error(error.to_string()))
}

fn key_schema(node: &Node<'_>) -> Result<Vec<KeySchemaElement>, Error> {
    node.items()?.iter().map(key).collect()
}

fn key(node: &Node<'_>) -> Result<KeySchemaElement, Error> {
    KeySchemaElement::builder()
        .attribute_name(node.get("AttributeName")?.text()?)
        .key_type(KeyType::from(node.get("KeyType")?.text()?))
        .build()
        .map_err(|error| node.error(error.to_string()))
}

fn index(node: &Node<'_>) -> Result<GlobalSecondaryIndex, Error> {
    let projection = node.get("Projection")?;
    let kind = ProjectionType::from(projection.get("ProjectionType")?.text()?);
    let mut projected = Projection::builder().projection_type(kind);
    if let Some(names) = projection.find("NonKeyAttributes")? {
        for name in names.items()? {
            projected = projected.non_key_attributes(name.text()?);
        }
    }
    GlobalSecondaryIndex::builder()
        .index_name(node.get("IndexName")?.text()?)
        .set_key_schema(Some(key_schema(&node.get("KeySchema")?)?))
        .projection(projected.build())
        .build()
        .map_err(|error| node.error(error.to_string()))
}

fn ttl_attribute(properties: &Node<'_>) -> Result<Option<String>, Error> {
    let Some(ttl) = properties.find("TimeToLiveSpecification")? else {
        return Ok(None);
    };
    if !ttl.get("Enabled")?.flag()? {
        return Ok(None);
    }
    Ok(Some(ttl.get("AttributeName")?.text()?.to_owned()))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
