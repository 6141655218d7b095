//! Starts the `logout` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::run(logout::ROUTE, 1, |state, request| {
        Box::pin(logout::handle(state, request))
    })
    .await
}
