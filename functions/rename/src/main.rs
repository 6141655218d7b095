//! Starts the `rename` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&rename::FUNCTION, |state, request| {
        Box::pin(rename::handle(state, request))
    })
    .await
}
