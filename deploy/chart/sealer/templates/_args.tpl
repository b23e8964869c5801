{{/* Values to flags: whatever is not an empty text is told, so that false reaches the controller too. */}}

{{- define "sealer.args" -}}
{{- $flags := dict -}}
{{- with .Values -}}
{{- $_ := set $flags "accept-deprecated-v1-data" .acceptDeprecatedV1Data -}}
{{- $_ := set $flags "additional-namespaces" (join "," .additionalNamespaces) -}}
{{- $_ := set $flags "allow-secret-type" (join "," .allowSecretTypes) -}}
{{- $_ := set $flags "allow-ambient-credentials" .allowAmbientCredentials -}}
{{- $_ := set $flags "allow-provider-cidr" (join "," .allowProviderCidrs) -}}
{{- $_ := set $flags "controller-class" .controllerClass -}}
{{- $_ := set $flags "external-secrets" .externalSecrets -}}
{{- $_ := set $flags "key-cutoff-time" .keycutofftime -}}
{{- $_ := set $flags "key-order-priority" .keyOrderPriority -}}
{{- $_ := set $flags "key-prefix" .secretName -}}
{{- $_ := set $flags "key-renew-period" .keyrenewperiod -}}
{{- $_ := set $flags "key-size" .keySize -}}
{{- $_ := set $flags "key-ttl" .keyttl -}}
{{- $_ := set $flags "kubeclient-burst" .kubeClientBurst -}}
{{- $_ := set $flags "kubeclient-qps" .kubeClientQPS -}}
{{- $_ := set $flags "label-selector" .labelSelector -}}
{{- $_ := set $flags "listen-addr" (printf ":%v" .containerPorts.http) -}}
{{- $_ := set $flags "listen-metrics-addr" (printf ":%v" .containerPorts.metrics) -}}
{{- $_ := set $flags "log-format" .logFormat -}}
{{- $_ := set $flags "log-info-stdout" .logInfoStdout -}}
{{- $_ := set $flags "log-level" .logLevel -}}
{{- $_ := set $flags "max-unseal-retries" .maxRetries -}}
{{- $_ := set $flags "metrics-omit-secret-labels" .metricsOmitSecretLabels -}}
{{- $_ := set $flags "my-cn" .myCN -}}
{{- $_ := set $flags "old-gc-behavior" .oldGCBehavior -}}
{{- $_ := set $flags "privatekey-annotations" (include "sealer.pairs" .privateKeyAnnotations) -}}
{{- $_ := set $flags "privatekey-labels" (include "sealer.pairs" .privateKeyLabels) -}}
{{- $_ := set $flags "rate-limit" .rateLimit -}}
{{- $_ := set $flags "rate-limit-burst" .rateLimitBurst -}}
{{- $_ := set $flags "skip-recreate" .skipRecreate -}}
{{- $_ := set $flags "unsafe-allow-generic-targets" (ternary true "" .genericTargets.enabled) -}}
{{- $_ := set $flags "update-status" .updateStatus -}}
{{- $_ := set $flags "watch-for-secrets" .watchForSecrets -}}
{{- end -}}
{{- $_ := set $flags "all-namespaces" (eq (include "sealer.everywhere" .) "true") -}}
{{- range $flag, $value := $flags -}}
{{- if ne (toString $value) "" }}
- {{ printf "--%s=%v" $flag $value | quote }}
{{- end -}}
{{- end -}}
{{- range .Values.args }}
- {{ . | quote }}
{{- end -}}
{{- end -}}

{{- define "sealer.pairs" -}}
{{- $pairs := list -}}
{{- range $key, $value := . -}}
{{- $pairs = append $pairs (printf "%s=%v" $key $value) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}
