/** The environment as it came: the packaged executable hides most names from Node (build/hidden-environment.ts). */
export const environment: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  Object.entries(process.env).map(([name, value]) => [shown(name), value]),
);

function shown(name: string): string {
  const first = name.charCodeAt(0);
  return first < 0x20 ? `${String.fromCharCode(first + 0x40)}${name.slice(1)}` : name;
}
