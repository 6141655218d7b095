//! Starts the `list` function.

use shared::runtime;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runtime::serve(&list::FUNCTION, |state, request| {
        Box::pin(list::handle(state, request))
    })
    .await
}
