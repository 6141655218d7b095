use super::*;
use crate::table::TableDefinition;
use aws_sdk_dynamodb::types::AttributeValue;

const TEMPLATE: &str = "
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: expires_at, Enabled: true }
";

async fn put(client: &Client, pk: &str, expires_at: &str) {
    client
        .put_item()
        .table_name("table")
        .item("pk", AttributeValue::S(pk.to_owned()))
        .item("expires_at", AttributeValue::N(expires_at.to_owned()))
        .send()
        .await
        .unwrap();
}

async fn count(client: &Client) -> i32 {
    client.scan().table_name("table").send().await.unwrap().count()
}

#[tokio::test]
async fn each_in_memory_database_is_its_own() {
    let definition = TableDefinition::from_template(TEMPLATE).unwrap();
    let one = EmbeddedDynamoDb::start_in_memory().await.unwrap();
    let two = EmbeddedDynamoDb::start_in_memory().await.unwrap();
    assert_ne!(one.endpoint(), two.endpoint());
    definition.create(&one.client(), "table").await.unwrap();
    definition.create(&two.client(), "table").await.unwrap();
    put(&one.client(), "a", "9999999999").await;
    assert_eq!(count(&one.client()).await, 1);
    assert_eq!(count(&two.client()).await, 0);
}

#[tokio::test]
async fn a_file_keeps_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dynamodb.db");
    let database = EmbeddedDynamoDb::start(&file, 0).await.unwrap();
    let definition = TableDefinition::from_template(TEMPLATE).unwrap();
    definition.create(&database.client(), "table").await.unwrap();
    put(&database.client(), "a", "9999999999").await;
    database.stop().await;

    let database = EmbeddedDynamoDb::start(&file, 0).await.unwrap();
    assert_eq!(count(&database.client()).await, 1);
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_variable() {
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = holder.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dynamodb.db");
    let error = EmbeddedDynamoDb::start(&file, port)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&format!(
            "port {port} on 127.0.0.1, wanted for DynamoDB, is taken"
        )),
        "{error}"
    );
    assert!(error.contains("DYNAMODB_PORT="), "{error}");
    assert!(!file.exists());
}

#[tokio::test]
async fn a_file_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dynamodb.db");
    let first = EmbeddedDynamoDb::start(&file, 0).await.unwrap();
    let error = EmbeddedDynamoDb::start(&file, 0).await.unwrap_err().to_string();
    assert!(
        error.contains("dynamodb.db is in use") && error.contains("LOCAL_DIR="),
        "{error}"
    );
    first.stop().await;
    EmbeddedDynamoDb::start(&file, 0).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dynamodb.db");
    std::fs::write(&file, "x".repeat(5000)).unwrap();
    let error = EmbeddedDynamoDb::start(&file, 0).await.unwrap_err().to_string();
    assert!(
        error.contains("dynamodb.db") && error.contains("make dev-reset"),
        "{error}"
    );
}

#[tokio::test]
async fn expired_items_vanish_by_themselves() {
    let database = Database::memory().unwrap();
    let listener = listen(0).await.unwrap();
    let every = Some(Duration::from_millis(20));
    let database = EmbeddedDynamoDb::serve(listener, database, every, None).unwrap();
    let client = database.client();
    TableDefinition::from_template(TEMPLATE)
        .unwrap()
        .create(&client, "table")
        .await
        .unwrap();
    put(&client, "expired", "1700000000").await;
    put(&client, "alive", "9999999999").await;
    let gone = async {
        while count(&client).await != 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_mins(10), gone)
        .await
        .expect("the sweep runs every 20 ms");
}
