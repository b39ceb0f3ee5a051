/** A series of the plan as the timer (timer.c) reads it, and what it answers. */
import type { ContenderName, Sample, Series } from "./plan.ts";

export function planText({ rounds, warmUps, contenders }: Series): string {
  const lines = [`rounds ${rounds}`, `warmups ${warmUps}`];
  for (const { name, steps } of contenders) {
    lines.push(`contender ${name}`);
    for (const { row = "", commands, atOnce = 1, forget = [], isPeak = false } of steps) {
      lines.push(`step ${atOnce} ${isPeak ? 1 : 0} ${row}`, ...forget.map((path) => `forget ${path}`));
      for (const { argv, environment = {}, stdin = "/dev/null" } of commands) {
        lines.push(`command ${stdin}`);
        lines.push(...Object.entries(environment).map(([key, value]) => `env ${key}=${value}`));
        lines.push(...argv.map((word) => `arg ${word}`));
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

export function samplesOf(text: string): Sample[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [row = "", contender, round, value] = line.split("\t");
      return { row, contender: contender as ContenderName, round: Number(round), value: Number(value) };
    });
}
