//! `sealer migrate`: from the Sealed Secrets controller to ours, and what would have to change for it.
//!
//! Keys, objects and Secrets stay as they are: both controllers read the same. What differs are the definition, the right to a Lease, and what old
//! versions left behind.

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
    /// Say what would change, and write nothing; exit status 6 while the other controller runs
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
    note("done; install the controller with the chart in deploy/chart or with deploy/manifests, under the same name and namespace");
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
    let mut steps = vec![cluster.peer()?];
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
    steps.push(cluster.service()?);
    steps.extend(cluster.webhooks()?);
    steps.push(cluster.finalizers()?);
    Ok(steps)
}

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

    fn list(&self, path: &str) -> Result<Vec<Value>> {
        Ok(self.read(path)?.and_then(|list| list["items"].as_array().cloned()).unwrap_or_default())
    }

    /// The other controller must not run: both would write.
    fn peer(&self) -> Result<Step> {
        let deployments = self.list(&format!("/apis/apps/v1/namespaces/{}/deployments", self.namespace))?;
        let runs = |deployment: &&Value| {
            let containers = deployment["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
            let is_theirs =
                containers.iter().any(|container| container["image"].as_str().is_some_and(|image| image.contains("sealed-secrets-controller")));
            is_theirs && (deployment["spec"]["replicas"] != 0 || deployment["status"]["replicas"].as_u64().unwrap_or_default() > 0)
        };
        let Some(peer) = deployments.iter().find(runs) else {
            return Ok(Step::new("Sealed Secrets controller", "does not run", None));
        };
        let name = peer["metadata"]["name"].as_str().unwrap_or_default();
        let error = Error::new(ErrorKind::Busy, format!("migrate: Deployment {}/{name} of the Sealed Secrets controller still runs", self.namespace));
        let error = error.advise(format!("kubectl -n {} scale deployment {name} --replicas=0", self.namespace));
        Ok(Step::new("Sealed Secrets controller", format!("Deployment {name} runs"), Some(Action::First(error))))
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
        for verb in ["get", "create", "update"] {
            let attributes = json!({ "namespace": self.namespace, "verb": verb, "group": "coordination.k8s.io", "resource": "leases" });
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
        let name = format!("{}-lease", self.name);
        let folder = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", self.namespace);
        let metadata = json!({ "name": name, "namespace": self.namespace });
        let rules = json!([{ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"] }]);
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
