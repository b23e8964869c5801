//! Events on SealedSecrets, with the words that upstream has and others look for.

use crds::SealedSecret;
use http::Method;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use crate::api::Refusal;
use crate::context::Context;

/// Longest message that the server takes.
///
/// *Source*: `k8s.io/kubernetes/pkg/apis/core/validation/events.go`, v1.36.
const LONGEST: usize = 1024;

/// What is told.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// Normal or Warning.
    pub(crate) type_: &'static str,
    /// One word.
    pub(crate) reason: &'static str,
    /// A sentence.
    pub(crate) message: String,
}

/// What an event is about, and who tells it.
pub(crate) struct About {
    pub(crate) api_version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) component: &'static str,
}

/// A SealedSecret, of which upstream's controller tells.
const SEALED: About = About { api_version: "bitnami.com/v1alpha1", kind: "SealedSecret", component: "sealed-secrets" };

/// An event as the server takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    api_version: &'a str,
    kind: &'a str,
    metadata: Named<'a>,
    involved_object: Involved<'a>,
    #[serde(rename = "type")]
    type_: &'a str,
    reason: &'a str,
    message: &'a str,
    source: Source<'a>,
    first_timestamp: Timestamp,
    last_timestamp: Timestamp,
    count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    generate_name: String,
    namespace: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Involved<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    uid: Option<&'a str>,
    resource_version: Option<&'a str>,
}

#[derive(Serialize)]
struct Source<'a> {
    component: &'a str,
}

/// The good news.
pub(crate) static UNSEALED: std::sync::LazyLock<Event> =
    std::sync::LazyLock::new(|| Event { type_: "Normal", reason: "Unsealed", message: "SealedSecret unsealed successfully".to_owned() });

/// Sends an event about a SealedSecret.
///
/// # Errors
/// What the server says no with.
pub(crate) async fn send(context: &Context, object: &SealedSecret, event: &Event) -> Result<(), Refusal> {
    send_about(context, &SEALED, &object.metadata, event).await
}

/// Sends an event.
///
/// # Errors
/// What the server says no with.
pub(crate) async fn send_about(context: &Context, about: &About, metadata: &ObjectMeta, event: &Event) -> Result<(), Refusal> {
    let (namespace, name) = (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default());
    // What has no namespace is told of in the one where such events are looked for.
    let place = if namespace.is_empty() { "default" } else { namespace };
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let end = (0..=LONGEST.min(event.message.len())).rev().find(|end| event.message.is_char_boundary(*end)).unwrap_or_default();
    let body = Body {
        api_version: "v1",
        kind: "Event",
        metadata: Named { generate_name: format!("{}.", &name[..name.len().min(200)]), namespace: place },
        involved_object: Involved {
            api_version: about.api_version,
            kind: about.kind,
            namespace,
            name,
            uid: metadata.uid.as_deref(),
            resource_version: metadata.resource_version.as_deref(),
        },
        type_: event.type_,
        reason: event.reason,
        message: &event.message[..end],
        source: Source { component: about.component },
        first_timestamp: now,
        last_timestamp: now,
        count: 1,
    };
    let path = format!("/api/v1/namespaces/{place}/events");
    // Texts and a time can be written.
    context.api.tell(Method::POST, &path, &serde_json::to_vec(&body).unwrap_or_default().into()).await.map(drop)
}
