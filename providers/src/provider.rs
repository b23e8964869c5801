//! What a store of secrets is and can do: the contract of every system under `spec.provider`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use jiff::Timestamp;
use keys::{BoxFuture, SecretBytes};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::reach::Reach;
use crate::selector::{CaProvider, RetrySettings, SecretKeySelector, ServiceAccountSelector};

/// One secret that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// Its name in the system.
    pub key: String,
    /// A part of it. Only systems with [`Lookup::Own`] look at it: of all others the whole secret is read, and the part is looked up in that.
    pub property: Option<String>,
    /// A version of it; without one, the newest.
    pub version: Option<String>,
    /// Whether what the system tells of the secret (tags, labels) is asked for instead of its value.
    pub metadata: bool,
}

/// Says whether a name is asked for.
pub type Matcher = dyn Fn(&str) -> bool + Send + Sync;

/// Makes a key of a name.
pub type Converter = dyn Fn(&str) -> String + Send + Sync;

/// Which secrets are asked for.
#[derive(Clone, Default)]
pub struct Search {
    /// Where to look.
    pub path: Option<String>,
    /// The regular expression that names must match, for systems that can use its text.
    pub pattern: Option<String>,
    /// Whether a name matches it.
    pub matches: Option<Arc<Matcher>>,
    /// Tags that they must have.
    pub tags: BTreeMap<String, String>,
    /// What names become that no key may have, for systems that see to it themselves: how it is called.
    pub conversion: Option<String>,
    /// And what does it.
    pub converts: Option<Arc<Converter>>,
}

impl Search {
    /// Whether a name is asked for.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.matches.as_ref().is_none_or(|matches| matches(name))
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Search");
        shown.field("path", &self.path).field("pattern", &self.pattern).field("tags", &self.tags).field("conversion", &self.conversion);
        shown.finish_non_exhaustive()
    }
}

/// A secret as a system has it.
#[derive(Debug)]
pub enum Answer {
    /// One value; often the text of a JSON object.
    Value(SecretBytes),
    /// Several, by name.
    Fields(BTreeMap<String, SecretBytes>),
}

impl Answer {
    /// Makes a second one of the same bytes.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        match self {
            Self::Value(value) => Self::Value(value.duplicate()),
            Self::Fields(fields) => Self::Fields(fields.iter().map(|(name, value)| (name.clone(), value.duplicate())).collect()),
        }
    }
}

/// How a property of a secret is looked up.
///
/// *Source*: external-secrets 2.9.0, each provider's own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The exact key of a JSON object; if there is none, a path.
    ExactThenPath,
    /// As [`Lookup::ExactThenPath`], but the first attempt is a path whose dots are escaped, so that wildcards count in it.
    EscapedThenPath,
    /// The exact field; if there is none, the field before the first dot and a path in its value.
    ExactThenFirstDot,
    /// A path only. A property that is missing counts as a secret that is missing.
    Exact,
    /// The system did it.
    Own,
}

/// How far a store can be trusted to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It answered.
    Valid,
    /// Nobody can say without a secret to ask for.
    Unknown,
}

/// Gives secrets.
pub trait Source: Send + Sync {
    /// Reads one secret whole; `None` if there is no such secret, or no such version of it.
    ///
    /// # Errors
    /// Whatever keeps the system from answering. A secret that is not there is no error.
    fn read<'a>(&'a self, what: &'a Reference) -> BoxFuture<'a, Result<Option<Answer>>>;

    /// How a property of what is read is looked up.
    fn lookup(&self) -> Lookup;

    /// Asks the system whether we are welcome.
    ///
    /// # Errors
    /// We are not, or nobody answers.
    fn validate(&self) -> BoxFuture<'_, Result<Validity>>;
}

/// Finds secrets.
pub trait Catalog: Send + Sync {
    /// Reads every secret that is asked for, by its name as the system has it.
    ///
    /// # Errors
    /// As [`Source::read`].
    fn find<'a>(&'a self, what: &'a Search) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>>;
}

/// What a store can do. Absence is `None`, never an error that says so.
#[derive(Clone, Default)]
pub struct Capabilities {
    /// Gives secrets.
    pub source: Option<Arc<dyn Source>>,
    /// Finds secrets.
    pub catalog: Option<Arc<dyn Catalog>>,
}

/// Whose store it is, which decides whose credentials it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A SecretStore: its own namespace's, whatever a selector says.
    Namespace,
    /// A ClusterSecretStore: of the namespace that a selector names; of the consumer's, if it names none.
    Cluster,
}

/// What a store may use of the world around it; who implements it holds the store to the rights of its [`Scope`].
pub trait Access: Send + Sync {
    /// Whose store it is.
    fn scope(&self) -> Scope;

    /// Name of the store, and namespace of the ExternalSecret that is served.
    fn who(&self) -> (&str, &str);

    /// Reads one key of a Secret.
    ///
    /// # Errors
    /// Denied: there is none, or it must not be used. The message names Secret and key.
    fn secret<'a>(&'a self, at: &'a SecretKeySelector) -> BoxFuture<'a, Result<SecretBytes>>;

    /// Reads a whole Secret, if it has a label with that value.
    ///
    /// # Errors
    /// As [`Access::secret`].
    fn labelled_secret<'a>(&'a self, at: &'a SecretKeySelector, label: (&'a str, &'a str)) -> BoxFuture<'a, Result<BTreeMap<String, SecretBytes>>>;

    /// Reads the certificates of authorities.
    ///
    /// # Errors
    /// As [`Access::secret`].
    fn authorities<'a>(&'a self, at: &'a CaProvider) -> BoxFuture<'a, Result<SecretBytes>>;

    /// Asks the cluster for a token of a service account.
    ///
    /// # Errors
    /// As [`Access::secret`].
    fn token<'a>(&'a self, account: &'a ServiceAccountSelector, audiences: &'a [String], seconds: u32) -> BoxFuture<'a, Result<SecretBytes>>;

    /// Reads the annotations of a service account.
    ///
    /// # Errors
    /// As [`Access::secret`].
    fn annotations<'a>(&'a self, account: &'a ServiceAccountSelector) -> BoxFuture<'a, Result<BTreeMap<String, String>>>;

    /// Reads a variable of our own environment: the identity that this process was given.
    ///
    /// # Errors
    /// Denied: this store must not use it.
    fn variable(&self, name: &str) -> Result<Option<SecretBytes>>;

    /// Reads a file beside us: the identity that this process was given.
    ///
    /// # Errors
    /// Denied: this store must not use it, or it cannot be read.
    fn file(&self, path: &str) -> Result<Option<SecretBytes>>;

    /// Where an address that only the person who runs us may set leads to (such as `AWS_STS_ENDPOINT`), which is no credential.
    fn endpoint(&self, name: &str) -> Option<String>;

    /// A variable that says which proxy requests go through (such as `HTTPS_PROXY`), which only the person who runs us may set.
    fn proxy(&self, name: &str) -> Option<SecretBytes>;

    /// Which addresses may be connected to.
    fn reach(&self) -> Reach;

    /// Renders a template over values, for systems whose settings hold templates.
    ///
    /// # Errors
    /// Invalid: it does not render.
    fn render(&self, name: &str, template: &str, values: &Value, secrets: &BTreeMap<String, BTreeMap<String, SecretBytes>>) -> Result<SecretBytes>;

    /// What time it is.
    fn now(&self) -> Timestamp;
}

/// The settings of one store.
pub trait Store: fmt::Debug + Send + Sync {
    /// Checks what can be checked without asking anybody.
    ///
    /// # Errors
    /// Invalid, with the field.
    fn check(&self, scope: Scope) -> Result<()>;

    /// Whether the system is told for whom it is asked, so that answers to one namespace are no answers to another.
    fn depends_on_consumer(&self) -> bool {
        false
    }

    /// Signs in, or gets ready to. A sign-in is kept as long as the capabilities live, and renewed. Kinds that send requests again look at `retries`.
    ///
    /// # Errors
    /// Credentials that are not there, or settings that cannot be.
    fn connect<'a>(&'a self, access: Arc<dyn Access>, retries: Option<&'a RetrySettings>) -> BoxFuture<'a, Result<Capabilities>>;
}

/// A kind of store.
pub trait StoreKind: Sync {
    /// The field under `spec.provider`.
    fn name(&self) -> &'static str;

    /// The schema of its settings.
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;

    /// Reads its settings.
    ///
    /// # Errors
    /// Invalid, with the field.
    fn read(&self, settings: &Value) -> Result<Box<dyn Store>>;
}

/// A kind of store whose settings are `C`.
pub(crate) struct KindOf<C>(&'static str, PhantomData<fn() -> C>);

impl<C> KindOf<C> {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self(name, PhantomData)
    }
}

impl<C: DeserializeOwned + JsonSchema + Store + 'static> StoreKind for KindOf<C> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        C::json_schema(generator)
    }

    fn read(&self, settings: &Value) -> Result<Box<dyn Store>> {
        let settings: C = serde_path_to_error::deserialize(settings).map_err(|error| {
            // The inner message may quote what stands there; the path does not.
            Error::invalid(format!("read spec.provider.{}: the field {} is not as it should be", self.0, error.path()))
        })?;
        Ok(Box::new(settings))
    }
}
