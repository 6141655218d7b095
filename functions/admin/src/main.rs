//! Starts the `admin` function.

use lambda_http::lambda_runtime::{self, LambdaEvent};
use serde_json::Value;
use shared::password::Hasher;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (state, _) = shared::State::from_env().await?;
    let hasher = Hasher::new(state.config.argon2, state.ids.clone())?;
    let admin = admin::AdminState { state, hasher };
    let handle = |event: LambdaEvent<Value>| {
        let admin = &admin;
        async move {
            let answer = admin::handle(admin, event.payload, &event.context.request_id).await;
            Ok::<_, lambda_http::Error>(answer)
        }
    };
    lambda_runtime::run(lambda_runtime::service_fn(handle)).await
}
