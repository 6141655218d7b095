use super::*;
use crate::{create::Created, db::EmbeddedDynamoDb};

const TEMPLATE: &str = r"
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: { Type: String, Default: dev }
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Globals:
  Function:
    Environment: { Variables: { TABLE_NAME: !Ref Table, X: !If [IsProd, !Sub '${Stage}-x', !GetAtt Table.Arn] } }
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      TableName: !Sub ${AWS::StackName}-table
      BillingMode: !If [IsProd, PROVISIONED, PAY_PER_REQUEST]
      AttributeDefinitions:
        - { AttributeName: pk, AttributeType: S }
        - { AttributeName: sk, AttributeType: S }
        - { AttributeName: gsi1pk, AttributeType: S }
        - { AttributeName: gsi1sk, AttributeType: S }
      KeySchema:
        - { AttributeName: pk, KeyType: HASH }
        - { AttributeName: sk, KeyType: RANGE }
      GlobalSecondaryIndexes:
        - IndexName: gsi1
          KeySchema:
            - { AttributeName: gsi1pk, KeyType: HASH }
            - { AttributeName: gsi1sk, KeyType: RANGE }
          Projection: { ProjectionType: KEYS_ONLY }
      TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }
      PointInTimeRecoverySpecification: !If [IsProd, { PointInTimeRecoveryEnabled: true }, !Ref AWS::NoValue]
";

fn problem(template: &str) -> String {
    TableDefinition::from_template(template).unwrap_err().to_string()
}

#[test]
fn reads_the_table_among_intrinsic_functions() {
    let table = TableDefinition::from_template(TEMPLATE).unwrap();
    let names: Vec<_> = table
        .keys
        .iter()
        .map(|key| (key.attribute_name(), key.key_type().as_str()))
        .collect();
    assert_eq!(names, [("pk", "HASH"), ("sk", "RANGE")]);
    assert_eq!(table.attributes.len(), 4);
    assert_eq!(table.indexes.len(), 1);
    let projection = table.indexes[0].projection().unwrap();
    assert_eq!(projection.projection_type(), Some(&ProjectionType::KeysOnly));
    assert_eq!(table.ttl_attribute.as_deref(), Some("expires_at"));
}

#[test]
fn reads_the_projects_own_template() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let table = TableDefinition::from_template_file(&path).unwrap();
    assert_eq!(table.ttl_attribute.as_deref(), Some("expires_at"));
    assert_eq!(table.indexes[0].index_name(), "gsi1");
}

#[test]
fn disabled_ttl_is_no_ttl() {
    let table = TableDefinition::from_template(&TEMPLATE.replace("Enabled: true }\n", "Enabled: false }\n"));
    assert_eq!(table.unwrap().ttl_attribute, None);
}

#[test]
fn names_the_place_of_what_it_cannot_read() {
    assert_eq!(
        problem("Resources: {}"),
        "template.yaml: Resources.Table: is missing"
    );
    assert_eq!(
        problem(&TEMPLATE.replace("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")),
        "template.yaml: Resources.Table.Type: expected AWS::DynamoDB::Table"
    );
    assert_eq!(
        problem(&TEMPLATE.replace(
            "AttributeName: sk, KeyType",
            "AttributeName: !Ref SortKey, KeyType"
        )),
        "template.yaml: Resources.Table.Properties.KeySchema[1].AttributeName: expected a plain string, found !Ref, \
         which only CloudFormation can resolve"
    );
    assert!(problem("Resources: [").starts_with("template.yaml is not valid YAML: "));
    assert_eq!(
        problem(""),
        "template.yaml: (root): expected one YAML document, found 0"
    );
    assert_eq!(
        problem("Resources: 3"),
        "template.yaml: Resources: expected a mapping, found something else"
    );
}

#[test]
fn a_missing_template_is_named() {
    let error = TableDefinition::from_template_file(Path::new("/nowhere/template.yaml")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read /nowhere/template.yaml: "),
        "{error}"
    );
}

#[tokio::test]
async fn creates_once_and_then_finds_it() {
    let database = EmbeddedDynamoDb::start_in_memory().await.unwrap();
    let client = database.client();
    let definition = TableDefinition::from_template(TEMPLATE).unwrap();

    assert_eq!(definition.create(&client, "table").await.unwrap(), Created::New);
    assert_eq!(
        definition.create(&client, "table").await.unwrap(),
        Created::Existed
    );

    let ttl = client
        .describe_time_to_live()
        .table_name("table")
        .send()
        .await
        .unwrap();
    let ttl = ttl.time_to_live_description.unwrap();
    assert_eq!(ttl.attribute_name(), Some("expires_at"));
    assert_eq!(ttl.time_to_live_status.unwrap().as_str(), "ENABLED");
}

#[tokio::test]
async fn creating_twice_at_once_works() {
    let database = EmbeddedDynamoDb::start_in_memory().await.unwrap();
    let client = database.client();
    let definition = TableDefinition::from_template(TEMPLATE).unwrap();
    let (one, two) = tokio::join!(
        definition.create(&client, "table"),
        definition.create(&client, "table")
    );
    assert_ne!(one.unwrap(), two.unwrap());
}

#[tokio::test]
async fn refuses_a_table_that_is_not_the_templates() {
    let database = EmbeddedDynamoDb::start_in_memory().await.unwrap();
    let client = database.client();
    TableDefinition::from_template(TEMPLATE)
        .unwrap()
        .create(&client, "table")
        .await
        .unwrap();

    for (from, to, what) in [
        ("AttributeName: sk", "AttributeName: sort", "keys are not"),
        ("KEYS_ONLY", "ALL", "indexes are not"),
        ("gsi1\n", "gsi2\n", "indexes are not"),
        (
            "AttributeName: expires_at",
            "AttributeName: expiry",
            "TTL attributes are not",
        ),
    ] {
        let other = TableDefinition::from_template(&TEMPLATE.replace(from, to)).unwrap();
        let error = other.create(&client, "table").await.unwrap_err().to_string();
        assert!(
            error.contains(what) && error.contains("make dev-reset"),
            "{to}: {error}"
        );
    }
}
