//! Services of the cluster that lead to a server on the loopback, so that the API server's service proxy reaches it.

use serde_json::json;

use super::Cluster;

/// A server on the loopback, as the cluster is to know it.
#[derive(Clone, Copy, Debug)]
pub struct Exposed<'a> {
    /// Namespace of the Service.
    pub namespace: &'a str,
    /// Name of the Service.
    pub name: &'a str,
    /// Name of its port; may be empty.
    pub port_name: &'a str,
    /// Port of 127.0.0.1 that it leads to.
    pub port: u16,
}

impl Cluster {
    /// Makes a Service of a server on the loopback: `services/http:NAME:PORT_NAME/proxy/` of the API server leads there.
    ///
    /// The server checks that the address belongs to a Pod, so there is one; nothing runs in it.
    ///
    /// # Panics
    /// If the server refuses one of the objects.
    pub fn expose(&self, service: Exposed<'_>) {
        let Exposed { namespace, name, port_name, port } = service;
        let address = self.services.route_to(port);
        let api = self.api();
        let folder = format!("/api/v1/namespaces/{namespace}");
        let container = json!({"name": "main", "image": "nothing"});
        let pod = json!({"metadata": {"name": name}, "spec": {"containers": [container], "automountServiceAccountToken": false}});
        let pod = api.create(&format!("{folder}/pods"), &pod).expect("a pod can be made");
        let status = json!({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}});
        api.merge(&format!("{folder}/pods/{name}/status"), &status).expect("a pod's status can be written");
        let ports = if port_name.is_empty() { json!([{"port": 8080}]) } else { json!([{"port": 8080, "name": port_name}]) };
        let object = json!({"metadata": {"name": name}, "spec": {"ports": ports}});
        api.create(&format!("{folder}/services"), &object).expect("a service can be made");
        let target = json!({"kind": "Pod", "namespace": namespace, "name": name, "uid": pod["metadata"]["uid"]});
        let subset = json!({"addresses": [{"ip": address, "targetRef": target}], "ports": ports});
        api.create(&format!("{folder}/endpoints"), &json!({"metadata": {"name": name}, "subsets": [subset]})).expect("endpoints can be made");
    }
}
