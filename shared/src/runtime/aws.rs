//! The AWS SDK's configuration, from the region and credentials that Lambda puts in the environment.
//!
//! The SDK's default chain also looks for profiles, roles, containers and instances. None of these exist on Lambda, and
//! the code would be an eighth of every binary.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    meta::region::ProvideRegion,
    retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::timeouts::Timeouts;

/// The roots of Amazon Trust Services, which sign for every AWS endpoint in the commercial regions:
/// <https://www.amazontrust.com/repository/>. The first one expires at the end of 2037.
const AMAZON_ROOTS: &str = include_str!("../../data/amazon-roots.pem");

/// The environment sets no region.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "AWS_REGION is not set. Lambda sets it; elsewhere set it, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
)]
pub struct NoRegion;

/// The SDK's configuration.
///
/// Reads `AWS_REGION` (or `AWS_DEFAULT_REGION`), `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
/// `AWS_SESSION_TOKEN`, `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_USE_FIPS_ENDPOINT` and
/// `AWS_USE_DUALSTACK_ENDPOINT`; `SSL_CERT_FILE` and `SSL_CERT_DIR` name certificates to trust instead of
/// Amazon's.
///
/// # Errors
///
/// If no region is set.
///
/// # Panics
///
/// Never: only the trust store could make the TLS settings invalid, and both possible ones are valid.
pub async fn config(timeouts: &Timeouts) -> Result<SdkConfig, NoRegion> {
    let region = EnvironmentVariableRegionProvider::new()
        .region()
        .await
        .ok_or(NoRegion)?;
    let chosen = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .any(|name| variable(name).is_some());
    let tls = TlsContext::builder()
        .with_trust_store(trust_store(&region, chosen))
        .build()
        .expect("a context of a trust store alone is always valid");
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls)
        .build_https();
    let flag = |name: &str| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .use_fips(flag("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"))
        .service_config(Endpoints)
        .http_client(http)
        .timeout_config(timeouts.calls())
        .retry_config(retries())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// How often a call is attempted, and the backoff: the SDK's standard one, with jitter.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500))
}

/// Amazon's own roots where they suffice: reading the system's hundred or more takes longer than the rest of the start,
/// and any of them could sign for a fake DynamoDB.
fn trust_store(region: &Region, chosen: bool) -> TrustStore {
    let region = region.as_ref();
    // China, GovCloud and the isolated regions are run separately and promise no such roots.
    let apart = region.starts_with("cn-") || region.starts_with("us-gov-") || region.contains("-iso");
    if chosen || apart {
        TrustStore::default()
    } else {
        TrustStore::empty().with_pem_certificate(AMAZON_ROOTS)
    }
}

/// Endpoints from the environment: `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`.
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
        variable(&format!("{}_{service}", key.env())).or_else(|| variable(key.env()))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn the_roots_are_those_that_amazon_publishes() {
        // As listed at https://www.amazontrust.com/repository/.
        let published = [
            "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
            "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
            "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
            "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
            "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
        ];
        let digests: Vec<_> = AMAZON_ROOTS
            .split("-----BEGIN CERTIFICATE-----")
            .skip(1)
            .map(|rest| {
                rest.split("-----END")
                    .next()
                    .unwrap()
                    .split_whitespace()
                    .collect::<String>()
            })
            .map(|der| digest(&SHA256, &STANDARD.decode(der).unwrap()))
            .map(|digest| format!("{digest:?}"))
            .collect();
        assert_eq!(digests, published.map(|hex| format!("SHA256:{hex}")));
    }

    #[test]
    fn other_roots_are_trusted_where_they_are_chosen_or_needed() {
        let trusts_amazon_only = |region: &'static str, chosen| {
            format!("{:?}", trust_store(&Region::new(region), chosen)).contains("enable_native_roots: false")
        };
        assert!(trusts_amazon_only("eu-central-1", false));
        assert!(!trusts_amazon_only("eu-central-1", true));
        for region in ["cn-north-1", "us-gov-west-1", "us-iso-east-1", "eu-isoe-west-1"] {
            assert!(!trusts_amazon_only(region, false), "{region}");
        }
    }
}
