/** Reads a file while another program writes it, as `tail -f` does. */

import { closeSync, openSync, readSync } from "node:fs";

export interface Follower {
  /** Hands over what is left and stops. */
  end(): void;
}

/** Looks ten times a second for new bytes, since inotify does not tell what a guest writes. The file may come later. */
export function follow(path: string, onChunk: (chunk: Buffer) => void): Follower {
  const buffer = Buffer.alloc(65536);
  let position = 0;
  const look = () => {
    const file = openIfThere(path);
    if (file === undefined) {
      return;
    }
    for (let length = 1; length > 0; position += length) {
      length = readSync(file, buffer, 0, buffer.length, position);
      if (length > 0) {
        onChunk(Buffer.from(buffer.subarray(0, length)));
      }
    }
    closeSync(file);
  };
  const timer = setInterval(look, 100);
  return {
    end() {
      clearInterval(timer);
      look();
    },
  };
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}
