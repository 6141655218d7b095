//! Starts the `cleanup` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::run(cleanup::ROUTE, 1, |state, request| {
        Box::pin(cleanup::handle(state, request))
    })
    .await
}
