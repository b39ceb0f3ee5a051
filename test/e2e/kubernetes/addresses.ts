/** The networks of the cluster. */
export const podCIDRs = ["10.244.0.0/16", "fd44::/56"] as const;
export const serviceCIDRs = ["10.96.0.0/16", "fd96::/112"] as const;
export const clusterDNS = "10.96.0.10";
