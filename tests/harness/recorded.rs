//! Which function made which AWS calls during the tests, written to a file for another process to check.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::OpenOptions,
    future::Future,
    io::Write as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::Access;

/// The variable that names the file. Unset: nothing is written.
pub const FILE: &str = "RECORDED_CALLS_FILE";

tokio::task_local! {
    static FUNCTION: &'static str;
}

static WRITTEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// One permission that a function needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Recorded {
    /// The IAM action. Parts of a transaction have one each, like `dynamodb:PutItem`.
    pub action: String,
    /// The resource, as named in the template.
    pub resource: String,
    /// The kinds of partition keys, like `USER#`. IAM evaluates each part of a transaction by itself.
    pub keys: BTreeSet<String>,
    /// The attributes that it names.
    pub attributes: BTreeSet<String>,
    /// What it returns.
    pub returns: String,
}

impl Recorded {
    /// What a request to a service (the first part of `X-Amz-Target`) needs.
    /// Of Secrets Manager's, `secret` says which.
    pub(crate) fn of(service: &str, secret: &str, accesses: &[Access]) -> Vec<Self> {
        let dynamodb = service.starts_with("DynamoDB");
        let kind = |access: &Access| {
            let key = access.leading_key.as_deref()?;
            // Of counters also the rule: some roles may touch those of some rules only.
            let parts = if key.starts_with("RATE#") { 2 } else { 1 };
            Some(key.split_inclusive('#').take(parts).collect::<String>())
        };
        let one = |access: &Access| Self {
            action: format!(
                "{}:{}",
                if dynamodb { "dynamodb" } else { service },
                access.action
            ),
            resource: match (dynamodb, &access.index) {
                (false, _) if secret.contains("IntrospectionSecret") => "IntrospectionSecret".to_owned(),
                (false, _) => "SigningKeys".to_owned(),
                (true, None) => "Table.Arn".to_owned(),
                (true, Some(index)) => format!("${{Table.Arn}}/index/{index}"),
            },
            keys: kind(access).into_iter().collect(),
            attributes: access.attributes.clone(),
            returns: access.returns.clone(),
        };
        accesses.iter().map(one).collect()
    }

    /// What a request to S3 needs. Its URL ends with `/bucket/folder/…`.
    pub(crate) fn of_s3(method: &str, url: &str) -> Self {
        let path = url.split("://").nth(1).unwrap_or_default();
        let folder = path.split('/').nth(2).unwrap_or_default();
        Self {
            action: if method == "PUT" {
                "s3:PutObject".to_owned()
            } else {
                format!("s3:{method}")
            },
            resource: format!("${{AuditArchive.Arn}}/{folder}/*"),
            keys: BTreeSet::new(),
            attributes: BTreeSet::new(),
            returns: String::new(),
        }
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} on {} with the keys {:?}, naming {:?}, returning {}",
            self.action, self.resource, self.keys, self.attributes, self.returns
        )
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    function: String,
    #[serde(flatten)]
    call: Recorded,
}

/// Attributes AWS calls made during `work` to that function.
pub async fn by<T>(function: &'static str, work: impl Future<Output = T>) -> T {
    FUNCTION.scope(function, work).await
}

/// Notes a call of the function that is running. Ignores the tests' own calls.
///
/// # Panics
///
/// If the file cannot be written.
pub fn note(call: Recorded) {
    let (Ok(file), Ok(function)) = (std::env::var(FILE), FUNCTION.try_with(ToString::to_string)) else {
        return;
    };
    let line = serde_json::to_string(&Line { function, call }).expect("a line is plain JSON");
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    if written.insert(line.clone()) {
        let mut file = OpenOptions::new()
            .append(true)
            .open(&file)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        writeln!(file, "{line}").expect("the file can be written");
    }
}

/// Each function's calls.
///
/// # Panics
///
/// If the file cannot be read.
#[must_use]
pub fn read(file: &Path) -> BTreeMap<String, BTreeSet<Recorded>> {
    let text = std::fs::read_to_string(file).expect("the file can be read");
    let mut calls = BTreeMap::<_, BTreeSet<_>>::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line).expect("its lines are whole");
        calls.entry(line.function).or_default().insert(line.call);
    }
    calls
}
