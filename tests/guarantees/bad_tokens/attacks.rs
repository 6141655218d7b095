//! Ways to make bad tokens.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::{
    auth::{KeyPair, Signer, SigningKeys},
    domain::{email::Email, ids::Ids},
};
use tests::{EMAIL, TestService, Tokens, as_der, claims, forge, forge_raw, forge_unsigned, hmac};

/// A good token, and what is needed to forge similar ones.
pub(super) struct Good<'a> {
    keys: &'a SigningKeys,
    typ: &'static str,
    token: String,
    other: String,
    /// A device token, or for one the session's refresh token.
    third: String,
}

/// A device token of the account.
fn device_token(service: &TestService) -> String {
    let signer = Signer::new(
        service.state.config.tokens.clone(),
        &service.keys.current,
        Ids::system(),
    );
    let email = Email::parse(EMAIL).unwrap();
    signer
        .device_token(&email, &Ids::system().token(), service.clock.now())
        .unwrap()
}

impl<'a> Good<'a> {
    /// A session's access token; the other kind is its refresh token.
    pub fn access(service: &'a TestService, login: &Tokens) -> Self {
        Self {
            keys: &service.keys,
            typ: "at+jwt",
            token: login.access.clone(),
            other: login.refresh.clone(),
            third: device_token(service),
        }
    }

    /// A session's refresh token; the other kind is its access token.
    pub fn refresh(service: &'a TestService, login: &Tokens) -> Self {
        Self {
            keys: &service.keys,
            typ: "rt+jwt",
            token: login.refresh.clone(),
            other: login.access.clone(),
            third: device_token(service),
        }
    }

    /// A device token of the account; the other kinds are a session's tokens.
    pub fn device(service: &'a TestService, login: &Tokens) -> Self {
        Self {
            keys: &service.keys,
            typ: "device+jwt",
            token: device_token(service),
            other: login.access.clone(),
            third: login.refresh.clone(),
        }
    }

    /// The token itself.
    pub fn token(&self) -> &str {
        &self.token
    }

    fn kid(&self) -> &str {
        &self.keys.current.public().kid
    }

    fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": self.typ, "kid": self.kid()})
    }

    /// Signed by our key, with wrong header or claims.
    fn ours(&self, header: &Value, claims: &Value) -> String {
        forge_raw(&self.keys.current, &header.to_string(), &claims.to_string())
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        let mut claims = claims(&self.token);
        claims[name] = value;
        self.ours(&self.header(), &claims)
    }

    pub fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header();
        header[name] = value;
        self.ours(&header, &claims(&self.token))
    }

    /// Prepends text to the claims, since serializers do not write a member twice.
    fn with_payload_start(&self, members: &str) -> String {
        let payload = claims(&self.token)
            .to_string()
            .replacen('{', &format!("{{{members},"), 1);
        forge_raw(&self.keys.current, &self.header().to_string(), &payload)
    }

    fn parts(&self) -> [&str; 3] {
        let parts: Vec<_> = self.token.split('.').collect();
        parts.try_into().unwrap()
    }
}

pub(super) type Attack = (&'static str, String);

/// RFC 8725 §2.1 and §3.1: the algorithm, and invalid signatures.
fn algorithms(good: &Good) -> Vec<Attack> {
    let (claims, [header, payload, signature]) = (claims(&good.token), good.parts());
    let unsigned =
        |alg: Value| forge_unsigned(&json!({"alg": alg, "typ": good.typ, "kid": good.kid()}), &claims);
    let public = good.keys.current.public();
    let secret = |text: String| hmac(text.as_bytes(), good.typ, good.kid(), &claims);
    let point = [
        vec![4],
        URL_SAFE_NO_PAD.decode(&public.x).unwrap(),
        URL_SAFE_NO_PAD.decode(&public.y).unwrap(),
    ];
    let signed_as = |bytes: &[u8]| format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(bytes));
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut swapped = bytes[32..].to_vec();
    swapped.extend(&bytes[..32]);
    vec![
        ("alg none", unsigned(json!("none"))),
        ("alg None", unsigned(json!("None"))),
        ("alg NONE", unsigned(json!("NONE"))),
        ("alg nOnE", unsigned(json!("nOnE"))),
        ("alg of nothing", unsigned(json!(""))),
        ("alg null", unsigned(Value::Null)),
        ("alg as a list", good.with_header("alg", json!(["ES256"]))),
        ("alg as a number", good.with_header("alg", json!(256))),
        ("alg in small letters", good.with_header("alg", json!("es256"))),
        (
            "alg ES384 over our signature",
            good.with_header("alg", json!("ES384")),
        ),
        (
            "alg RS256 over our signature",
            good.with_header("alg", json!("RS256")),
        ),
        (
            "alg EdDSA over our signature",
            good.with_header("alg", json!("EdDSA")),
        ),
        (
            "HS256 with the public coordinates",
            secret(format!("{}{}", public.x, public.y)),
        ),
        (
            "HS256 with the public point",
            hmac(&point.concat(), good.typ, good.kid(), &claims),
        ),
        (
            "HS256 with the public key as JSON",
            secret(serde_json::to_string(public).unwrap()),
        ),
        ("HS256 with the kid", secret(public.kid.clone())),
        ("HS256 with an empty secret", secret(String::new())),
        ("no signature", format!("{header}.{payload}.")),
        ("a signature of zeros (CVE-2022-21449)", signed_as(&[0; 64])),
        ("a signature of ones", signed_as(&[0xff; 64])),
        ("a signature in DER form", signed_as(&as_der(&bytes))),
        ("a signature cut short", signed_as(&bytes[..63])),
        (
            "a signature with a byte more",
            signed_as(&[&bytes[..], &[0]].concat()),
        ),
        ("a signature with r and s exchanged", signed_as(&swapped)),
        (
            "another token's signature",
            format!("{header}.{payload}.{}", good.other.rsplit('.').next().unwrap()),
        ),
    ]
}

/// RFC 8725 §3.10 and §2.9: where keys come from.
fn keys(good: &Good) -> Vec<Attack> {
    let claims = claims(&good.token);
    let evil = KeyPair::generate().unwrap();
    let jwk = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "x": evil.public().x, "y": evil.public().y,
        "kid": good.kid()});
    let by_evil = |member: &str, value: Value| {
        let mut header = good.header();
        header[member] = value;
        forge_raw(&evil, &header.to_string(), &claims.to_string())
    };
    vec![
        (
            "another key under our kid",
            forge(&evil, good.kid(), good.typ, &claims),
        ),
        (
            "another key under its own kid",
            forge(&evil, &evil.public().kid, good.typ, &claims),
        ),
        ("an embedded jwk", by_evil("jwk", jwk)),
        ("a jku", by_evil("jku", json!("https://evil.example/jwks.json"))),
        ("an x5u", by_evil("x5u", json!("https://evil.example/cert.pem"))),
        ("an x5c", by_evil("x5c", json!(["MIIBszCCAVmgAwIBAgIU"]))),
        ("no kid", good.with_header("kid", Value::Null)),
        ("an empty kid", good.with_header("kid", json!(""))),
        ("an unknown kid", good.with_header("kid", json!("unknown"))),
        (
            "a kid in other letters",
            good.with_header("kid", json!(good.kid().to_uppercase())),
        ),
        (
            "a kid as a path",
            good.with_header("kid", json!("../../../../dev/null")),
        ),
        (
            "a kid as SQL",
            good.with_header("kid", json!("x' UNION SELECT 'key' --")),
        ),
        (
            "a kid as a command",
            good.with_header("kid", json!("key; cat /etc/passwd")),
        ),
        (
            "a kid with a zero byte",
            good.with_header("kid", json!(format!("{}\0", good.kid()))),
        ),
        ("a kid as a list", good.with_header("kid", json!([good.kid()]))),
        ("a kid as a number", good.with_header("kid", json!(1))),
        (
            "a kid as an object",
            good.with_header("kid", json!({"kid": good.kid()})),
        ),
    ]
}

/// RFC 8725 §3.11: the type of token.
fn types(good: &Good) -> Vec<Attack> {
    vec![
        ("the other kind's token", good.other.clone()),
        (
            "the other kind's claims under our type",
            good.ours(&good.header(), &claims(&good.other)),
        ),
        ("the third kind's token", good.third.clone()),
        (
            "the third kind's claims under our type",
            good.ours(&good.header(), &claims(&good.third)),
        ),
        (
            "our claims under the third kind's audience",
            good.with_claim("aud", claims(&good.third)["aud"].clone()),
        ),
        ("no type", good.with_header("typ", Value::Null)),
        ("type JWT", good.with_header("typ", json!("JWT"))),
        (
            "a type in capital letters",
            good.with_header("typ", json!(good.typ.to_uppercase())),
        ),
        (
            "a type with its prefix",
            good.with_header("typ", json!(format!("application/{}", good.typ))),
        ),
        ("type dpop+jwt", good.with_header("typ", json!("dpop+jwt"))),
        ("a critical extension", good.with_header("crit", json!(["exp"]))),
        (
            "an empty list of critical extensions",
            good.with_header("crit", json!([])),
        ),
    ]
}

/// RFC 8725 §3.9 and RFC 7519 §4: issuer, audience and times.
fn names_and_times(good: &Good) -> Vec<Attack> {
    let missing = |name: &str| good.with_claim(name, Value::Null);
    let header = good.header().to_string();
    let twice = |member: &str| header.replacen('{', &format!("{{{member},"), 1);
    let payload = claims(&good.token).to_string();
    let key = &good.keys.current;
    let mut attacks = vec![
        (
            "another issuer",
            good.with_claim("iss", json!("https://evil.example")),
        ),
        (
            "an issuer with a slash more",
            good.with_claim("iss", json!("https://auth.example.com/")),
        ),
        (
            "a list of issuers",
            good.with_claim("iss", json!(["https://evil.example", "https://auth.example.com"])),
        ),
        (
            "another audience",
            good.with_claim("aud", json!("https://evil.example")),
        ),
        ("no issuer", missing("iss")),
        ("no audience", missing("aud")),
        ("no subject", missing("sub")),
        ("no session", missing("sid")),
        ("no id", missing("jti")),
        ("no time of issue", missing("iat")),
        ("no expiry", missing("exp")),
        (
            "a subject that is no UUID",
            good.with_claim("sub", json!("admin")),
        ),
        (
            "a subject as an object",
            good.with_claim("sub", json!({"S": "admin"})),
        ),
        (
            "a session that is no UUID",
            good.with_claim("sid", json!("SESSION#1")),
        ),
        ("an id that is too short", good.with_claim("jti", json!("1"))),
        ("exp as text", good.with_claim("exp", json!("9999999999"))),
        (
            "exp as a fraction",
            good.with_claim("exp", json!(4_000_000_100.5)),
        ),
        ("exp negative", good.with_claim("exp", json!(-1))),
        ("exp as true", good.with_claim("exp", json!(true))),
        (
            "exp in the far future",
            good.with_claim("exp", json!(9_999_999_999_i64)),
        ),
        ("exp at the end of time", good.with_claim("exp", json!(i64::MAX))),
        ("exp beyond it", good.with_claim("exp", json!(u64::MAX))),
        ("not valid yet", good.with_claim("nbf", json!(4_000_000_300_i64))),
        ("nbf as text", good.with_claim("nbf", json!("0"))),
        ("exp twice", good.with_payload_start("\"exp\":4000000300")),
        ("exp as an overflow", good.with_payload_start("\"exp\":1e400")),
        (
            "sub twice",
            good.with_payload_start("\"sub\":\"018f3c5e-7b1a-7c3d-8e4f-5a6b7c8d9e0f\""),
        ),
        (
            "aud twice",
            good.with_payload_start("\"aud\":\"https://evil.example\""),
        ),
        ("alg twice", forge_raw(key, &twice("\"alg\":\"none\""), &payload)),
        ("kid twice", forge_raw(key, &twice("\"kid\":\"other\""), &payload)),
        ("typ twice", forge_raw(key, &twice("\"typ\":\"JWT\""), &payload)),
        (
            "claims that are a list",
            forge_raw(key, &header, &format!("[{payload}]")),
        ),
        (
            "claims that are no JSON",
            forge_raw(key, &header, "exp=9999999999"),
        ),
        (
            "claims with something behind",
            forge_raw(key, &header, &format!("{payload}{{}}")),
        ),
        ("nothing for claims", forge_raw(key, &header, "")),
        (
            "a token in a token",
            forge_raw(key, &good.header().to_string(), &format!("\"{}\"", good.token)),
        ),
    ];
    if good.typ == "at+jwt" {
        attacks.push(("no time of login", missing("auth_time")));
    }
    attacks
}

/// RFC 7515 §3.1 and §5.2: not three base64url parts.
fn forms(good: &Good) -> Vec<Attack> {
    let (token, [header, payload, signature]) = (&good.token, good.parts());
    let last = signature.chars().last().unwrap();
    let trailing = if last == 'A' {
        'B'
    } else {
        char::from_u32(u32::from(last) + 1).unwrap()
    };
    vec![
        ("no token at all", "token".to_owned()),
        ("dots", "...".to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("a fourth part", format!("{token}.x")),
        ("a fourth part of nothing", format!("{token}.")),
        ("five parts, as JWE has", format!("{token}.{payload}.{signature}")),
        ("padding", format!("{header}.{payload}.{signature}==")),
        (
            "the other base64",
            format!("{header}.{payload}.+/{}", &signature[2..]),
        ),
        (
            "bits that mean nothing",
            format!(
                "{header}.{payload}.{}{trailing}",
                &signature[..signature.len() - 1]
            ),
        ),
        ("a space inside", format!("{header}. {payload}.{signature}")),
        ("a tab inside", format!("{header}.\t{payload}.{signature}")),
        ("the token twice", format!("{token}{token}")),
        ("the token, a comma, the token", format!("{token},{token}")),
        ("quotes", format!("\"{token}\"")),
        ("percent signs", token.replace('.', "%2E")),
        ("another letter at the start", format!("f{}", &token[1..])),
        ("something before it", format!("a{token}")),
        ("something behind it", format!("{token}a")),
        (
            "JSON, as JWS also has",
            json!({"protected": header, "payload": payload, "signature": signature}).to_string(),
        ),
        ("4097 bytes", format!("{token}{}", "A".repeat(4097 - token.len()))),
        ("10 KB", "A".repeat(10_000)),
        (
            "deep JSON",
            format!(
                "{}.{payload}.{signature}",
                URL_SAFE_NO_PAD.encode("[".repeat(2900))
            ),
        ),
    ]
}

pub(super) fn attacks(good: &Good) -> Vec<Attack> {
    [
        algorithms(good),
        keys(good),
        types(good),
        names_and_times(good),
        forms(good),
    ]
    .concat()
}
