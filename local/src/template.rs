//! Reads `template.yaml`: plain values at a path, among `CloudFormation`'s `!Ref`, `!Sub` and so on.

use saphyr::{LoadableYamlNode as _, Yaml};

use crate::error::Error;

/// A place in the template: its value, and its path for messages.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    value: &'a Yaml<'a>,
    path: String,
}

/// Parses a template and hands its root to `read`.
///
/// # Errors
///
/// [`Error::Yaml`] if it is not YAML, else the error of `read`.
pub fn read<T>(yaml: &str, read: impl FnOnce(Node<'_>) -> Result<T, Error>) -> Result<T, Error> {
    let documents = Yaml::load_from_str(yaml)?;
    let [document] = documents.as_slice() else {
        return Err(Error::Template {
            path: "(root)".to_owned(),
            problem: format!("expected one YAML document, found {}", documents.len()),
        });
    };
    read(Node {
        value: document,
        path: String::new(),
    })
}

impl<'a> Node<'a> {
    /// Returns the entry `key`, which must exist.
    ///
    /// # Errors
    ///
    /// [`Error::Template`], naming the place, if it does not, or if this is no mapping.
    pub fn get(&self, key: &str) -> Result<Node<'a>, Error> {
        self.find(key)?
            .ok_or_else(|| self.child(key, self.value).error("is missing"))
    }

    /// The entry `key`, if any.
    ///
    /// # Errors
    ///
    /// [`Error::Template`], naming the place, if this is no mapping.
    pub fn find(&self, key: &str) -> Result<Option<Node<'a>>, Error> {
        if self.value.as_mapping().is_none() {
            return Err(self.unexpected("a mapping"));
        }
        Ok(self.value.as_mapping_get(key).map(|value| self.child(key, value)))
    }

    /// The elements of a sequence.
    ///
    /// # Errors
    ///
    /// [`Error::Template`], naming the place, if it is something else.
    pub fn items(&self) -> Result<Vec<Node<'a>>, Error> {
        let items = self
            .value
            .as_sequence()
            .ok_or_else(|| self.unexpected("a list"))?;
        let node = |(index, value)| Node {
            value,
            path: format!("{}[{index}]", self.path),
        };
        Ok(items.iter().enumerate().map(node).collect())
    }

    /// A literal string.
    ///
    /// # Errors
    ///
    /// [`Error::Template`], naming the place, if it is something else.
    pub fn text(&self) -> Result<&'a str, Error> {
        self.value
            .as_str()
            .ok_or_else(|| self.unexpected("a plain string"))
    }

    /// A literal boolean.
    ///
    /// # Errors
    ///
    /// [`Error::Template`], naming the place, if it is something else.
    pub fn flag(&self) -> Result<bool, Error> {
        self.value
            .as_bool()
            .ok_or_else(|| self.unexpected("true or false"))
    }

    /// The entries of a mapping whose keys are strings.
    ///
    /// # Errors
    ///
    /// [`Error::Template`], naming the place, if it is something else.
    pub fn entries(&self) -> Result<Vec<(&'a str, Node<'a>)>, Error> {
        let entries = self
            .value
            .as_mapping()
            .ok_or_else(|| self.unexpected("a mapping"))?;
        let named = |(key, value): (&'a Yaml<'a>, &'a Yaml<'a>)| {
            let key = key.as_str()?;
            Some((key, self.child(key, value)))
        };
        Ok(entries.iter().filter_map(named).collect())
    }

    /// The string inside an intrinsic function, like `Table.Arn` in `!GetAtt Table.Arn`.
    ///
    /// # Errors
    ///
    /// [`Error::Template`], naming the place, if it is something else.
    pub fn argument(&self) -> Result<&'a str, Error> {
        let inner = match self.value {
            Yaml::Tagged(_, inner) => inner.as_str(),
            _ => None,
        };
        inner.ok_or_else(|| self.unexpected("an intrinsic function of a string"))
    }

    /// A literal string or number, as a string.
    ///
    /// # Errors
    ///
    /// [`Error::Template`], naming the place, if it is something else.
    pub fn scalar(&self) -> Result<String, Error> {
        let text = self.value.as_str().map(str::to_owned);
        let number = || Some(self.value.as_integer()?.to_string());
        text.or_else(number)
            .ok_or_else(|| self.unexpected("a plain string or a number"))
    }

    /// An intrinsic function of a string in full: `Ref Table` for `!Ref Table`.
    #[must_use]
    pub fn intrinsic(&self) -> Option<String> {
        match self.value {
            Yaml::Tagged(tag, inner) => Some(format!("{} {}", tag.suffix, inner.as_str()?)),
            _ => None,
        }
    }

    /// The `then` branch of `!If [condition, then, else]`.
    #[must_use]
    pub fn if_true(&self) -> Option<Node<'a>> {
        self.branch(1)
    }

    /// The `else` branch of `!If [condition, then, else]`.
    #[must_use]
    pub fn if_false(&self) -> Option<Node<'a>> {
        self.branch(2)
    }

    fn branch(&self, index: usize) -> Option<Node<'a>> {
        let Yaml::Tagged(tag, inner) = self.value else {
            return None;
        };
        let branch = inner.as_sequence().filter(|_| tag.suffix == "If")?.get(index)?;
        Some(Node {
            value: branch,
            path: format!("{}.If[{index}]", self.path),
        })
    }

    /// An error about this place.
    #[must_use]
    pub fn error(&self, problem: impl Into<String>) -> Error {
        Error::Template {
            path: self.path.clone(),
            problem: problem.into(),
        }
    }

    fn child(&self, key: &str, value: &'a Yaml<'a>) -> Node<'a> {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Node { value, path }
    }

    fn unexpected(&self, wanted: &str) -> Error {
        let found = match self.value {
            Yaml::Tagged(tag, _) => format!("!{}, which only CloudFormation can resolve", tag.suffix),
            Yaml::Mapping(_) => "a mapping".to_owned(),
            Yaml::Sequence(_) => "a list".to_owned(),
            Yaml::Value(_) | Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
                "something else".to_owned()
            }
        };
        self.error(format!("expected {wanted}, found {found}"))
    }
}
