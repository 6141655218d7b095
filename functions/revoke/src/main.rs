//! Starts the `revoke` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&revoke::FUNCTION, |state, request| {
        Box::pin(revoke::handle(state, request))
    })
    .await
}
