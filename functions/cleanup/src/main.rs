//! Starts the `cleanup` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&cleanup::FUNCTION, |state, request| {
        Box::pin(cleanup::handle(state, request))
    })
    .await
}
