//! Starts the `rotate-keys` function.

use lambda_http::lambda_runtime::{self, LambdaEvent};
use rotate_keys::Rotation;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (state, sdk) = shared::State::from_env(&rotate_keys::FUNCTION).await?;
    let rotation = Rotation::new(state, aws_sdk_secretsmanager::Client::new(&sdk))?;
    let handle = |event: LambdaEvent<Value>| {
        let rotation = &rotation;
        async move {
            let answer = rotate_keys::handle(rotation, event.payload).await;
            answer.map_err(|error| lambda_http::Error::from(shared::domain::error::report(&error)))
        }
    };
    lambda_runtime::run(lambda_runtime::service_fn(handle)).await
}
