/** host-local's: a folder for each network is made in it. */
export const defaultDataDir = "/var/lib/cni/networks";
