{{/* What objects are called, and what they all bear. */}}

{{- define "sealer.name" -}}
{{- .Values.nameOverride | default "sealed-secrets" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "sealer.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "sealer.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sealer.namespace" -}}
{{- .Values.namespace | default .Release.Namespace -}}
{{- end -}}

{{- define "sealer.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "sealer.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* By these labels Pods are selected. A Deployment can not change them, so nothing of a version may stand here. */}}
{{- define "sealer.selector" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/name: {{ include "sealer.name" . }}
{{- end -}}

{{/* Metadata of an object. Takes: root, and as needed name, namespace, cluster, labels, annotations. */}}
{{- define "sealer.metadata" -}}
{{- $common := dict "app.kubernetes.io/part-of" "sealed-secrets" "app.kubernetes.io/version" .root.Chart.AppVersion -}}
{{- $labels := merge (dict) (include "sealer.selector" .root | fromYaml) (.labels | default dict) .root.Values.commonLabels $common -}}
{{- $annotations := merge (dict) (.annotations | default dict) .root.Values.commonAnnotations -}}
metadata:
  name: {{ .name | default (include "sealer.fullname" .root) }}
  {{- if not .cluster }}
  namespace: {{ .namespace | default (include "sealer.namespace" .root) }}
  {{- end }}
  labels:
    {{- toYaml $labels | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* "true" if every namespace is looked at. Without a ClusterRole that is not possible. */}}
{{- define "sealer.everywhere" -}}
{{- if and .Values.allNamespaces .Values.rbac.clusterRole (not .Values.additionalNamespaces) -}}true{{- end -}}
{{- end -}}

{{/* The namespaces that are looked at otherwise, as a JSON array. */}}
{{- define "sealer.namespaces" -}}
{{- prepend .Values.additionalNamespaces (include "sealer.namespace" .) | uniq | toJson -}}
{{- end -}}

{{/* What upstream's chart has, and this one has not, is refused rather than ignored. */}}
{{- define "sealer.refuse" -}}
{{- if .Values.rbac.pspEnabled -}}{{- fail "rbac.pspEnabled: no cluster has PodSecurityPolicies any more" -}}{{- end -}}
{{- if eq .Values.image.repository "bitnami/sealed-secrets-controller" -}}
{{- fail "image.repository: this is upstream's controller, of which two replicas would fight; leave image out of the values of its chart" -}}
{{- end -}}
{{- if .Values.ingress.selfSigned -}}{{- fail "ingress.selfSigned: this chart makes no certificates; put one into the Secret HOSTNAME-tls" -}}{{- end -}}
{{- if .Values.ingress.secrets -}}{{- fail "ingress.secrets: keys do not belong in values; put them into Secrets, and name those in ingress.extraTls" -}}{{- end -}}
{{- end -}}
