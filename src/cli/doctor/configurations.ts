import { fileStatus } from "../../system/files.ts";
import type { HostFinding } from "./finding.ts";
import type { Patient } from "./patient.ts";

/** The files of networks, and where runtimes look for them. */
export function checkConfigurations({ faults, files, runtimes }: Patient): HostFinding[] {
  return [
    ...faults.map(
      ({ file, spot, severity, message }): HostFinding => ({
        id: "configuration",
        severity,
        place: `${file}:${spot.line}:${spot.column}`,
        message,
      }),
    ),
    ...files.flatMap((file): HostFinding[] => {
      if (((fileStatus(file)?.mode ?? 0) & 0o022) === 0) return [];
      return [
        {
          id: "configuration-writable",
          severity: "warning",
          place: file,
          message: "others than root may write it, and with it say what is made on this host",
          mend: `chmod go-w ${file}`,
        },
      ];
    }),
    ...runtimes.flatMap(({ name, file, fault, networks }): HostFinding[] => {
      if (fault !== undefined) {
        return [{ id: "runtime-configuration", severity: "error", place: fault, message: `${name} cannot read it` }];
      }
      if (fileStatus(networks) !== undefined) return [];
      return [
        {
          id: "no-network-folder",
          severity: "warning",
          place: file ?? name,
          message: `${name} looks for networks in ${networks}, which does not exist`,
          mend: `mkdir -p ${networks}`,
        },
      ];
    }),
  ];
}
