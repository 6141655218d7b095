//! Starts the `activity` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&activity::FUNCTION, |state, request| {
        Box::pin(activity::handle(state, request))
    })
    .await
}
