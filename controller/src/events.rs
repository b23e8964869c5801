//! Events on SealedSecrets, with the words that upstream has and others look for.

use crds::SealedSecret;
use http::Method;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

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
    let body = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "generateName": format!("{}.", &name[..name.len().min(200)]), "namespace": place },
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "namespace": namespace,
            "name": name,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "type": event.type_,
        "reason": event.reason,
        "message": &event.message[..end],
        "source": { "component": about.component },
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    });
    let path = format!("/api/v1/namespaces/{place}/events");
    context.api.tell(Method::POST, &path, &body.to_string().into_bytes().into()).await
}
