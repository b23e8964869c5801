{{/* Parts of the Pod. */}}

{{- define "sealer.image" -}}
{{- $name := list .registry .repository | compact | join "/" -}}
{{- if .digest -}}{{ $name }}@{{ .digest }}{{- else -}}{{ $name }}:{{ .tag }}{{- end -}}
{{- end -}}

{{/* A probe. Takes: name, path, probe, custom. */}}
{{- define "sealer.probe" -}}
{{- if .custom }}
{{ .name }}:
  {{- toYaml .custom | nindent 2 }}
{{- else if .probe.enabled }}
{{ .name }}:
  httpGet:
    path: {{ .path }}
    port: http
  {{- omit .probe "enabled" | toYaml | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sealer.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "sealer.selector" . | nindent 6 }}
{{- end -}}

{{- define "sealer.container" -}}
name: controller
image: {{ include "sealer.image" (merge (dict "tag" (.Values.image.tag | default .Chart.AppVersion)) .Values.image) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
args:
  {{- include "sealer.args" . | trim | nindent 2 }}
env:
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
ports:
  {{- range $name := list "http" "metrics" }}
  - name: {{ $name }}
    containerPort: {{ index $.Values.containerPorts $name }}
    {{- with index $.Values.hostPorts $name }}
    hostPort: {{ . }}
    {{- end }}
  {{- end }}
{{- include "sealer.probe" (dict "name" "livenessProbe" "path" "/healthz" "probe" .Values.livenessProbe "custom" .Values.customLivenessProbe) }}
{{- include "sealer.probe" (dict "name" "readinessProbe" "path" "/readyz" "probe" .Values.readinessProbe "custom" .Values.customReadinessProbe) }}
{{- include "sealer.probe" (dict "name" "startupProbe" "path" "/healthz" "probe" .Values.startupProbe "custom" .Values.customStartupProbe) }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .Values.containerSecurityContext.enabled }}
securityContext:
  {{- omit .Values.containerSecurityContext "enabled" | toYaml | nindent 2 }}
{{- end }}
{{- with .Values.additionalVolumeMounts }}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
