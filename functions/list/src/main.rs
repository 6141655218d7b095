//! Starts the `list` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    shared::runtime::run(list::ROUTE, 1, |state, request| {
        Box::pin(list::handle(state, request))
    })
    .await
}
