//! `sealer migrate`: from the Sealed Secrets controller to ours, and what would have to change for it.
//!
//! Keys, objects and Secrets stay as they are: both controllers read the same. What differs are the definition, the right to a Lease, and what old
//! versions left behind.

use std::collections::BTreeSet;

use ::crds::names::LEASE;
use engine::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::crds::{self, Compared};
use crate::certificate::ClusterOptions;
use crate::cluster::{self, Server};
use crate::exit::{Errors, Outcome};
use crate::output::{json_line, note, print, table};

// Arguments of the command.
#[derive(clap::Args)]
#[command(
    after_help = "Example:  sealer migrate --dry-run && kubectl -n kube-system scale deployment sealed-secrets-controller --replicas=0 && sealer migrate"
)]
pub(crate) struct Args {
    /// Say what would change, and write nothing; exit status 6 while the other controller runs or stands in the way
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Service account of the controller [default: its name]
    #[arg(long, value_name = "NAME")]
    service_account: Option<String>,
    #[command(flatten)]
    cluster: ClusterOptions,
}

/// One thing that was looked at.
struct Step {
    what: String,
    state: String,
    /// What is to be done, if anything; None if it is well.
    action: Option<Action>,
}

/// What is to be done about a thing.
enum Action {
    /// A person has to do it first; nothing is written before.
    First(Error),
    /// It is done by this command.
    Ours(Change),
    /// Worth a look, and no obstacle.
    Note,
}

/// What this command writes.
enum Change {
    Definition(Box<Compared>),
    Create(String, Value),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Outcome {
    let server = args.cluster.server()?;
    let steps = look(&server, args)?;
    let rows: Vec<Vec<String>> = steps.iter().map(|step| vec![step.what.clone(), step.state.clone(), step.word().to_owned()]).collect();
    if args.json {
        let lines = steps.iter().map(|step| json_line(&json!({ "what": step.what, "state": step.state, "action": step.word() })));
        print(lines.collect::<String>().as_bytes())?;
    } else {
        print(table(&rows).as_bytes())?;
    }
    let (mut obstacles, mut changes) = (Vec::new(), Vec::new());
    for step in steps {
        match step.action {
            Some(Action::First(error)) => obstacles.push(error),
            Some(Action::Ours(change)) => changes.push(change),
            _ => {}
        }
    }
    Errors::check(obstacles)?;
    if args.dry_run {
        return Ok(());
    }
    for change in changes {
        match change {
            Change::Definition(compared) => drop(crds::apply(&server, &compared, false)?),
            Change::Create(path, object) => drop(server.create(&path, &object).map_err(|error| ClusterOptions::failed("write the object", &error))?),
        }
    }
    note("done; upgrade the release to the chart in deploy/chart, or apply deploy/manifests, under the same name and namespace");
    Ok(())
}

impl Step {
    fn new(what: impl Into<String>, state: impl Into<String>, action: Option<Action>) -> Self {
        Self { what: what.into(), state: state.into(), action }
    }

    fn word(&self) -> &'static str {
        match &self.action {
            None => "-",
            Some(Action::First(_)) => "do this first",
            Some(Action::Ours(_)) => "will be changed",
            Some(Action::Note) => "look at it",
        }
    }
}

/// Looks at everything that could matter; writes nothing.
fn look(server: &Server, args: &Args) -> Result<Vec<Step>> {
    let cluster = Cluster { server, namespace: &args.cluster.controller_namespace, name: &args.cluster.controller_name };
    let service = cluster.service()?;
    let mut steps = cluster.peers(service.action.is_none())?;
    for compared in crds::compare(server, false)? {
        let what = format!("definition {}", compared.name);
        let (state, change) = (compared.state(), !compared.is_same());
        let action = if !compared.foreign.is_empty() {
            Some(Action::First(crds::apply(server, &compared, false).err().unwrap_or_else(|| Error::new(ErrorKind::Bug, "compare the definition"))))
        } else {
            change.then(|| Action::Ours(Change::Definition(Box::new(compared))))
        };
        steps.push(Step::new(what, state, action));
    }
    steps.push(cluster.keys()?);
    steps.extend(cluster.lease(args.service_account.as_deref())?);
    steps.push(service);
    steps.extend(cluster.webhooks()?);
    steps.push(cluster.finalizers()?);
    Ok(steps)
}

/// How many objects of a list are read at once.
const PAGE: usize = 200;

/// By these labels a Deployment of ours selects its Pods, and so does one of upstream's chart.
const SELECTOR: [&str; 2] = ["app.kubernetes.io/instance", "app.kubernetes.io/name"];

/// Where to look.
struct Cluster<'a> {
    server: &'a Server,
    namespace: &'a str,
    name: &'a str,
}

impl Cluster<'_> {
    fn read(&self, path: &str) -> Result<Option<Value>> {
        self.server.read(path).map_err(|error| self.failed(path, &error))
    }

    fn failed(&self, path: &str, error: &cluster::Error) -> Error {
        ClusterOptions::failed(&format!("read {path} for {}", self.name), error)
    }

    /// The objects of a list, page by page: a large cluster has many.
    fn pages(&self, path: &str) -> cluster::Result<Vec<Value>> {
        let (mut objects, mut token) = (Vec::new(), String::new());
        loop {
            let Some(mut page) = self.server.read(&format!("{path}?limit={PAGE}{token}"))? else { return Ok(objects) };
            objects.append(page["items"].as_array_mut().unwrap_or(&mut Vec::new()));
            match page["metadata"]["continue"].as_str().filter(|next| !next.is_empty()) {
                Some(next) => token = format!("&continue={next}"),
                None => return Ok(objects),
            }
        }
    }

    fn list(&self, path: &str) -> Result<Vec<Value>> {
        self.pages(path).map_err(|error| self.failed(path, &error))
    }

    /// The other controller must not run: both would write. In another namespace it may be one of several, unless there is none where we look.
    fn peers(&self, is_seat: bool) -> Result<Vec<Step>> {
        let (deployments, place) = match self.pages("/apis/apps/v1/deployments") {
            Err(error) if error.kind() == cluster::ErrorKind::Denied => (
                self.list(&format!("/apis/apps/v1/namespaces/{}/deployments", self.namespace))?,
                format!(" in {}, and you may not look elsewhere", self.namespace),
            ),
            all => (all.map_err(|error| self.failed("/apis/apps/v1/deployments", &error))?, String::new()),
        };
        let mut steps: Vec<Step> =
            deployments.iter().filter(|deployment| is_theirs(deployment) && runs(deployment)).map(|peer| self.peer(peer, is_seat)).collect();
        if steps.is_empty() {
            let action = (!place.is_empty()).then_some(Action::Note);
            steps.push(Step::new("Sealed Secrets controller", format!("does not run{place}"), action));
        }
        let is_here = |deployment: &&Value| deployment["metadata"]["namespace"] == self.namespace && deployment["metadata"]["name"] == self.name;
        steps.extend(deployments.iter().find(is_here).and_then(|deployment| self.selector(deployment)));
        Ok(steps)
    }

    fn peer(&self, deployment: &Value, is_seat: bool) -> Step {
        let [namespace, name] = ["namespace", "name"].map(|field| deployment["metadata"][field].as_str().unwrap_or_default());
        let stop = format!("kubectl -n {namespace} scale deployment {name} --replicas=0");
        let error = Error::new(ErrorKind::Busy, format!("migrate: Deployment {namespace}/{name} of the Sealed Secrets controller still runs"));
        let action = match (namespace == self.namespace, is_seat) {
            (true, _) => Action::First(error.advise(stop)),
            (false, true) => Action::Note,
            (false, false) => Action::First(error.advise(format!("{stop}; and name its Service with --controller-namespace and --controller-name"))),
        };
        Step::new("Sealed Secrets controller", format!("Deployment {namespace}/{name} runs"), Some(action))
    }

    /// A Deployment keeps its selector as long as it lives, and Services that select by ours would find nobody. Those of both charts select by the same.
    fn selector(&self, deployment: &Value) -> Option<Step> {
        let selector = &deployment["spec"]["selector"];
        let labels: BTreeSet<&str> = selector["matchLabels"].as_object().into_iter().flatten().map(|(label, _)| label.as_str()).collect();
        if labels == SELECTOR.into() && selector["matchExpressions"].is_null() {
            return None;
        }
        let message = format!("migrate: Deployment {}/{} selects its Pods by other labels, which can not be changed", self.namespace, self.name);
        let first = Error::new(ErrorKind::Busy, message).advise(format!("kubectl -n {} delete deployment {}", self.namespace, self.name));
        let action = if is_theirs(deployment) { Action::First(first) } else { Action::Note };
        Some(Step::new(format!("Deployment {}/{}", self.namespace, self.name), "selects its Pods by other labels than ours", Some(action)))
    }

    fn keys(&self) -> Result<Step> {
        let label = "sealedsecrets.bitnami.com/sealed-secrets-key";
        let path = format!("/api/v1/namespaces/{}/secrets?labelSelector={label}", self.namespace);
        // Names and labels are enough: no private key is read.
        let count = self.server.list_metadata(&path).map_err(|error| self.failed(&path, &error))?.len();
        let action = (count == 0).then_some(Action::Note);
        Ok(Step::new("sealing keys", format!("{count} in {}, which stay as they are", self.namespace), action))
    }

    /// Two replicas need a Lease; upstream's roles know nothing of it.
    fn lease(&self, account: Option<&str>) -> Result<Vec<Step>> {
        let account = account.unwrap_or(self.name);
        let user = format!("system:serviceaccount:{}:{account}", self.namespace);
        let mut missing = Vec::new();
        // The right to make one can not be narrowed to a name.
        for (verb, lease) in [("get", LEASE), ("create", ""), ("update", LEASE)] {
            let attributes =
                json!({ "namespace": self.namespace, "verb": verb, "group": "coordination.k8s.io", "resource": "leases", "name": lease });
            let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": { "user": user, "resourceAttributes": attributes } });
            let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
            let answer = self.server.create(path, &review).map_err(|error| self.failed(path, &error))?;
            if answer["status"]["allowed"] != true {
                missing.push(verb);
            }
        }
        if missing.is_empty() {
            return Ok(vec![Step::new("right to a Lease", format!("{account} has it"), None)]);
        }
        // The chart makes one named without the "sealer", and helm takes over no object that it did not make.
        let name = format!("{}-sealer-lease", self.name);
        let folder = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", self.namespace);
        let metadata = json!({ "name": name, "namespace": self.namespace });
        let rules = json!([
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [LEASE], "verbs": ["get", "update"] },
        ]);
        let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules });
        let reference = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name });
        let subjects = json!([{ "kind": "ServiceAccount", "name": account, "namespace": self.namespace }]);
        let binding = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata, "roleRef": reference, "subjects": subjects });
        let state = format!("{account} may not {}", missing.join(", "));
        let step =
            |kind: &str, path: String, object| Step::new(format!("{kind} {name}"), state.clone(), Some(Action::Ours(Change::Create(path, object))));
        let mut steps = Vec::new();
        if self.read(&format!("{folder}/roles/{name}"))?.is_none() {
            steps.push(step("Role", format!("{folder}/roles"), role));
        }
        if self.read(&format!("{folder}/rolebindings/{name}"))?.is_none() {
            steps.push(step("RoleBinding", format!("{folder}/rolebindings"), binding));
        }
        if steps.is_empty() {
            let state = format!("{account} may not {}, though {name} is there", missing.join(", "));
            steps.push(Step::new("right to a Lease", state, Some(Action::Note)));
        }
        Ok(steps)
    }

    fn service(&self) -> Result<Step> {
        let found = self.read(&format!("/api/v1/namespaces/{}/services/{}", self.namespace, self.name))?;
        let what = format!("Service {}/{}", self.namespace, self.name);
        Ok(match found {
            Some(_) => Step::new(what, "is there, and stays", None),
            None => Step::new(what, "is not there: name it with --controller-name and --controller-namespace", Some(Action::Note)),
        })
    }

    /// Webhooks that lead to a Service of that name answer nobody once it is gone.
    fn webhooks(&self) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        for kind in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
            for found in self.list(&format!("/apis/admissionregistration.k8s.io/v1/{kind}"))? {
                let hooks = found["webhooks"].as_array().cloned().unwrap_or_default();
                let leads_here = |hook: &Value| {
                    let service = &hook["clientConfig"]["service"];
                    service["name"] == self.name && service["namespace"] == self.namespace
                };
                if hooks.iter().any(leads_here) {
                    let name = found["metadata"]["name"].as_str().unwrap_or_default();
                    steps.push(Step::new(format!("webhook {name}"), format!("leads to Service {}", self.name), Some(Action::Note)));
                }
            }
        }
        Ok(steps)
    }

    /// Neither controller sets a finalizer: one that is there keeps its object for ever.
    fn finalizers(&self) -> Result<Step> {
        let path = "/apis/bitnami.com/v1alpha1/sealedsecrets";
        let objects = self.server.list_metadata(path).map_err(|error| self.failed(path, &error))?;
        let held = objects.iter().filter(|object| object["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())).count();
        let action = (held > 0).then_some(Action::Note);
        Ok(Step::new("SealedSecrets", format!("{} in the cluster, {held} with finalizers", objects.len()), action))
    }
}

fn is_theirs(deployment: &Value) -> bool {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    containers.iter().any(|container| container["image"].as_str().is_some_and(|image| image.contains("sealed-secrets-controller")))
}

fn runs(deployment: &Value) -> bool {
    deployment["spec"]["replicas"] != 0 || deployment["status"]["replicas"].as_u64().unwrap_or_default() > 0
}
