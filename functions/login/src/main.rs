//! Starts the `login` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::run_signing(login::ROUTE, login::state, |state, request| {
        Box::pin(login::handle(state, request))
    })
    .await
}
