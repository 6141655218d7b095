//! A function that reads the key set from the table, with the SDK's defaults.

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use lambda_http::{Body, Error, Request, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let client = Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await);
    let table = std::env::var("TABLE_NAME")?;
    run(service_fn(async |_: Request| {
        let get = client.get_item().table_name(&table);
        let get = get.key("pk", AttributeValue::S("KEYS".to_owned()));
        let found = get.key("sk", AttributeValue::S("JWKS".to_owned())).send().await?;
        Ok::<_, Error>(Response::new(Body::from(format!(
            "hello: {}",
            found.item.is_some()
        ))))
    }))
    .await
}
