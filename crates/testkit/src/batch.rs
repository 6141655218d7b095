//! A batch of reads that `DynamoDB` half processes.

use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use serde_json::Value;

use crate::fault::{content, respond};

/// Sends the first half of a batch (rounded up) and returns the rest as unprocessed. Other requests are sent.
pub(crate) async fn half_processed(
    real: &SharedHttpConnector,
    mut request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let mut sent = content(&request);
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    if !target.ends_with(".BatchGetItem") {
        return real.call(request).await;
    }
    let mut left = sent["RequestItems"].clone();
    for (table, batch) in sent["RequestItems"].as_object_mut().into_iter().flatten() {
        let (first, second) = (entries(batch), entries(&mut left[table]));
        *second = second.split_off(first.len().div_ceil(2));
        first.truncate(first.len().div_ceil(2));
        if second.is_empty() {
            return real.call(request).await;
        }
    }
    let text = sent.to_string();
    request
        .headers_mut()
        .insert("content-length", text.len().to_string());
    *request.body_mut() = SdkBody::from(text);
    let answer = real.call(request).await?;
    let status = answer.status().as_u16();
    let bytes = ByteStream::new(answer.into_body()).collect().await;
    let bytes = bytes.map_err(|error| ConnectorError::io(error.into()))?;
    let mut body: Value = serde_json::from_slice(&bytes.to_vec()).expect("DynamoDB speaks JSON");
    body["UnprocessedKeys"] = left;
    Ok(respond(status, &body))
}

/// A batch's keys.
fn entries(batch: &mut Value) -> &mut Vec<Value> {
    batch["Keys"].as_array_mut().expect("a batch has keys")
}
