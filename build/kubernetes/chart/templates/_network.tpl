{{/* A network of the values as the configuration list of a runtime, for the agent to complete: "$podCIDRs" is the node's. */}}
{{- define "ipvlan-cni.network" -}}
{{- $ipam := dict "subnets" (.subnets | default list) -}}
{{- if .podCIDRs }}{{ $_ := set $ipam "subnets" (list (dict "subnet" "$podCIDRs")) }}{{ end -}}
{{- if kindIs "map" .pool }}{{ $_ := set $ipam "cluster" (merge (dict "kubernetes" dict) .pool) }}{{ end -}}
{{- if .sticky }}{{ $_ := set $ipam "sticky" true }}{{ end -}}
{{- $plugin := dict "type" "ipvlan" "master" .parent "mode" .mode "capabilities" (dict "ips" true) "ipam" $ipam -}}
{{- if .hostAccess }}{{ $_ := set $plugin "hostAccess" true }}{{ end -}}
{{- if .serviceCIDRs }}{{ $_ := set $plugin "serviceCIDRs" .serviceCIDRs }}{{ end -}}
{{- if .announce }}{{ $_ := set $plugin "announce" true }}{{ end -}}
{{- $plugins := list (merge (deepCopy (.more | default dict)) $plugin) -}}
{{- if .portmap }}
{{- $plugins = append $plugins (dict "type" "portmap" "capabilities" (dict "portMappings" true)) -}}
{{- end -}}
{{- dict "cniVersion" "1.1.0" "name" .name "plugins" $plugins | toPrettyJson -}}
{{- end -}}
