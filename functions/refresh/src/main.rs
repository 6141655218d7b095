//! Starts the `refresh` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::run_signing(refresh::ROUTE, refresh::state, |state, request| {
        Box::pin(refresh::handle(state, request))
    })
    .await
}
