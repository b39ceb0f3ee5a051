import { port } from "#system";

/**
 * The time that one call of the plugin has, in milliseconds: kubelet gives up after two minutes, CRI-O and crictl earlier, and a runtime
 * that gives up ends the plugin before it can say why, or take back what it made.
 */
const WORK = 60_000;
const UNDO = 20_000;

let end: number | undefined;
let forUndo = UNDO;
let isUndoing = false;

/** The time of this process's call begins. */
export function beginCall(work = WORK, undo = UNDO): void {
  end = port.clock() + work;
  forUndo = undo;
  isUndoing = false;
}

/** From now on there is time to take back what was made, whatever the work has used. */
export function beginUndo(): void {
  if (isUndoing || end === undefined) return;
  isUndoing = true;
  end = port.clock() + forUndo;
}

/** Milliseconds that are left, 0 when the time is over. Where no call has begun, each wait has a call's whole time. */
export function timeLeft(): number {
  return end === undefined ? WORK : Math.max(0, Math.round(end - port.clock()));
}
