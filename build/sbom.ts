import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import type { Component } from "./components.ts";

/** A file of what is described. */
export interface Part {
  readonly name: string;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

export interface Described {
  /** What is described, such as `ipvlan-cni-0.1.0-linux-x64`. */
  readonly name: string;
  readonly version: string;
  readonly commit: string;
  /** The file itself, in hexadecimal digits. */
  readonly sha256: string;
  /** In seconds since 1970. */
  readonly time: number;
  /** Programs of this project beside the file itself. */
  readonly parts: readonly Part[];
  readonly components: readonly Component[];
}

/**
 * A bill of materials in CycloneDX 1.6. It says the same each time: the time is given, and there is no serial number.
 * @returns JSON
 */
export function sbom({ name, version, commit, sha256, time, parts, components }: Described): string {
  const self = new Models.Component(Enums.ComponentType.Application, name, {
    bomRef: "self",
    version,
    licenses: new Models.LicenseRepository([new Models.SpdxLicense("Apache-2.0")]),
    purl: `pkg:generic/ipvlan-cni@${version}`,
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], sha256]]),
    properties: new Models.PropertyRepository([new Models.Property("ipvlan-cni:commit", commit)]),
  });
  const bom = new Models.Bom({ metadata: new Models.Metadata({ component: self, timestamp: new Date(time * 1000) }) });
  for (const part of parts) {
    const purl = `pkg:generic/${part.name}@${version}`;
    const component = new Models.Component(Enums.ComponentType.Application, part.name, {
      bomRef: purl,
      version,
      purl,
      licenses: new Models.LicenseRepository([new Models.SpdxLicense("Apache-2.0")]),
      hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], part.sha256]]),
    });
    bom.components.add(component);
    self.dependencies.add(component.bomRef);
  }
  for (const { name, version, purl, license, source } of components) {
    const component = new Models.Component(Enums.ComponentType.Library, name, {
      bomRef: purl,
      version,
      purl,
      licenses: new Models.LicenseRepository([licenseOf(license)]),
    });
    if (source !== undefined) {
      component.properties.add(new Models.Property("ipvlan-cni:source", source.purl));
      component.properties.add(new Models.Property("ipvlan-cni:source:sha256", source.sha256));
    }
    bom.components.add(component);
    self.dependencies.add(component.bomRef);
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

const licenseOf = (expression: string): Models.License =>
  /[ ()]/.test(expression) ? new Models.LicenseExpression(expression) : new Models.SpdxLicense(expression);
