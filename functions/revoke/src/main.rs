//! Starts the `revoke` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::run(revoke::ROUTE, revoke::CONNECTIONS, |state, request| {
        Box::pin(revoke::handle(state, request))
    })
    .await
}
