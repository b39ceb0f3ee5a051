import { isObject, type JsonObject, tryJson } from "../cni/json.ts";
import { readStdin } from "../cni/stdin.ts";
import { isCniVersion } from "../cni/versions.ts";
import { createWhole, makeFolder, readText } from "../system/files.ts";
import { UsageError } from "./arguments.ts";
import { FAILED, FINE, type Run } from "./command.ts";
import { readCompose, readYaml } from "./convert/compose.ts";
import { type DockerNetwork, fromDocker } from "./convert/docker-network.ts";
import { readDockerWords } from "./convert/docker-words.ts";
import { type Converted, Refusal } from "./convert/draft.ts";
import { formatJson } from "./convert/format.ts";
import { readInspected } from "./convert/inspected.ts";
import { fromPodman, readPodmanWords } from "./convert/podman.ts";
import { fromReference, toReference } from "./convert/reference.ts";
import { shellCommands } from "./convert/shell-words.ts";

export const convert: Run = ({ arguments: given, environment, terminal }) => {
  const target = given.value("to") ?? "ipvlan";
  if (target !== "ipvlan" && target !== "reference") throw new UsageError(`--to ${target}: ipvlan or reference`);
  const cniVersion = given.value("cni-version") ?? "1.0.0";
  if (!isCniVersion(cniVersion)) throw new UsageError(`--cni-version ${cniVersion} is no version of the specification`);
  const source = readSource(given.words, environment);
  for (const remark of source.remarks) terminal.warn(`ipvlan: ${remark}`);
  const wanted = given.value("network");
  const converted: Converted[] = [];
  let refused = 0;
  for (const network of source.networks) {
    try {
      const one = network(cniVersion, target);
      if (wanted !== undefined && one.name !== wanted) continue;
      for (const remark of one.remarks) terminal.warn(`ipvlan: network ${one.name}: ${remark}`);
      converted.push(one);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (wanted !== undefined && !error.message.includes(`network ${wanted}:`)) continue;
      terminal.warn(`ipvlan: ${error.message}`);
      refused++;
    }
  }
  if (converted.length === 0 && refused === 0) {
    throw new UsageError(
      wanted === undefined ? `no ipvlan network is in ${source.name}` : `no network ${wanted} is in ${source.name}`,
    );
  }
  warnOfDoubledNames(converted, terminal.warn);
  const folder = given.value("output");
  for (const { name, list } of converted) {
    const text = formatJson(list);
    if (folder === undefined) terminal.print(text);
    else terminal.print(write(folder, name, text));
  }
  return refused === 0 ? FINE : FAILED;
};

function warnOfDoubledNames(converted: readonly Converted[], warn: (message: string) => void): void {
  const names = new Set<string>();
  for (const { name } of converted) {
    if (names.has(name)) warn(`ipvlan: network ${name} is there twice: a runtime reads one of them`);
    names.add(name);
  }
}

function write(folder: string, name: string, text: string): string {
  makeFolder(folder);
  const file = `10-${name}.conflist`;
  if (createWhole(folder, file, `${text}\n`, 0o644)) return `${folder}/${file}`;
  throw new UsageError(`${folder}/${file} exists already: remove it first, or write to another folder`);
}

interface Source {
  /** For messages. */
  readonly name: string;
  /** Each converts one network. @throws Refusal */
  readonly networks: readonly ((cniVersion: string, target: "ipvlan" | "reference") => Converted)[];
  readonly remarks: readonly string[];
}

function readSource(words: readonly string[], environment: Readonly<Record<string, string | undefined>>): Source {
  const [first, ...more] = words;
  if (first === undefined) throw new UsageError("what is to be converted? words, a file, or - for standard input");
  const command = createCommand(words);
  if (command !== undefined) return { name: "the words", networks: [command], remarks: [] };
  if (more.length > 0) {
    throw new UsageError(`${words.slice(0, 3).join(" ")} ...: docker network create ... is wanted, or one file`);
  }
  const name = first === "-" ? "standard input" : first;
  const text = first === "-" ? readStdin() : readText(first);
  if (text === undefined) throw new UsageError(`${first} does not exist`);
  return { name, ...readNetworks(text, name, environment) };
}

/** Words as they stand in a shell's history: with a prompt, a number, sudo or variables in front. */
function createCommand(words: readonly string[]): Source["networks"][number] | undefined {
  const at = words.findIndex((word) => /(^|\/)(docker|nerdctl|podman)$/.test(word));
  if (at < 0 || !words.slice(0, at).every((word) => /^([$#]+|\d+\*?|sudo|-\w+|\w+=.*)$/.test(word))) return undefined;
  const rest = words.slice(at + 1);
  const network = rest.indexOf("network");
  if (network < 0 || rest[network + 1] !== "create") return undefined;
  const own = rest.slice(network + 2);
  if (words[at]?.endsWith("podman")) {
    return (version, target) => aimed(fromPodman(readPodmanWords(own), version), target);
  }
  return (version, target) => aimed(fromDocker(readDockerWords(own), version), target);
}

function aimed(converted: Converted, target: "ipvlan" | "reference"): Converted {
  if (target === "ipvlan") return converted;
  const { remarks, ...rest } = toReference(converted.list);
  return { ...rest, remarks: [...converted.remarks, ...remarks] };
}

/** What a text is shows in itself: JSON of Docker, Podman or CNI; commands of a shell; or a Compose file. */
function readNetworks(
  text: string,
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): Omit<Source, "name"> {
  const value = tryJson(text);
  if (value !== undefined && (Array.isArray(value) || isObject(value))) return readJson([value].flat(), name);
  const commands = shellCommands(text)
    .map(createCommand)
    .filter((command) => command !== undefined);
  if (commands.length > 0) return { networks: commands, remarks: [] };
  const yaml = text.trim() === "" ? undefined : readYaml(text, name);
  if (yaml === undefined) throw new UsageError(`${name} holds nothing that is understood: ipvlan help convert`);
  const { networks, remarks } = readCompose(yaml, environment);
  return { networks: networks.map(dockers), remarks };
}

const dockers =
  (network: DockerNetwork): Source["networks"][number] =>
  (version, target) =>
    aimed(fromDocker(network, version), target);

function readJson(values: readonly unknown[], name: string): Omit<Source, "name"> {
  const remarks: string[] = [];
  const networks = values.filter(isObject).flatMap((raw): Source["networks"] => {
    if (typeof raw.Name === "string" && typeof raw.Driver === "string") {
      if (raw.Driver === "ipvlan") return [dockers(readInspected(raw))];
      remarks.push(`network ${raw.Name} is left out: its driver is ${raw.Driver}, not ipvlan`);
      return [];
    }
    if (typeof raw.driver === "string") return [(version, target) => aimed(fromPodman(raw, version), target)];
    if (Array.isArray(raw.plugins) || typeof raw.type === "string") return [cniList(raw)];
    if (isObject(raw.networks)) return readCompose(raw, {}).networks.map(dockers);
    throw new UsageError(`${name} holds JSON of none of Docker, Podman, Compose or CNI`);
  });
  return { networks, remarks };
}

const cniList =
  (raw: JsonObject): Source["networks"][number] =>
  (version, target) =>
    target === "reference" ? toReference(raw) : fromReference(raw, version);
