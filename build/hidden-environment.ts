import { readFileSync, writeFileSync } from "node:fs";
import { beginWith } from "./elf.ts";
import type { Arch } from "./runtimes.ts";

/**
 * Node does what some thirty variables of the environment say before a program has its say: it loads a module (NODE_REPL_EXTERNAL_MODULE),
 * writes files (NODE_COMPILE_CACHE, NODE_V8_COVERAGE), prints (NODE_DEBUG), takes a descriptor for a channel (NODE_CHANNEL_FD). It has no
 * flag against them. So the executable begins with a few instructions that hide the variables from it: of each whose name begins with a
 * capital letter or an underscore, but for CNI_* and PATH, the first character gets another one, 0x40 lower. src/system/node.ts finds
 * them under these names.
 */
export function hideEnvironment(executable: string, arch: Arch): void {
  writeFileSync(executable, beginWith(readFileSync(executable), codes[arch]));
}

/** As a process begins: argc, argv, NULL, the environment, NULL, from the stack pointer on. All that Node's own first code needs stays. */
const codes: Readonly<Record<Arch, (distance: number) => Buffer>> = {
  x64: (distance) => {
    const code = bytes(`
      48 89 e6          mov   %rsp, %rsi
      48 8b 0e          mov   (%rsi), %rcx
      48 8d 74 ce 10    lea   16(%rsi,%rcx,8), %rsi
      48 8b 3e       1: mov   (%rsi), %rdi
      48 85 ff          test  %rdi, %rdi
      74 27             jz    3f
      48 83 c6 08       add   $8, %rsi
      8b 07             mov   (%rdi), %eax
      3d 43 4e 49 5f    cmp   $0x5f494e43, %eax    CNI_
      74 eb             je    1b
      3d 50 41 54 48    cmp   $0x48544150, %eax    PATH
      75 06             jne   2f
      80 7f 04 3d       cmpb  $0x3d, 4(%rdi)       =
      74 de             je    1b
      3c 41          2: cmp   $0x41, %al           A
      72 da             jb    1b
      3c 5f             cmp   $0x5f, %al           _
      77 d6             ja    1b
      80 2f 40          subb  $0x40, (%rdi)
      eb d1             jmp   1b
      e9 00 00 00 00 3: jmp   DISTANCE             from behind this instruction
    `);
    code.writeInt32LE(distance - code.length, code.length - 4);
    return code;
  },
  arm64: (distance) => {
    const code = words(`
      f94003e1    ldr   x1, [sp]
      910043e2    add   x2, sp, #16
      8b010c42    add   x2, x2, x1, lsl #3
      5289c865    mov   w5, #0x4e43                CNI_
      72abe925    movk  w5, #0x5f49, lsl #16
      52882a06    mov   w6, #0x4150                PATH
      72a90a86    movk  w6, #0x4854, lsl #16
      f8408443 1: ldr   x3, [x2], #8
      b4000203    cbz   x3, 3f
      b9400064    ldr   w4, [x3]
      6b05009f    cmp   w4, w5
      54ffff80    b.eq  1b
      6b06009f    cmp   w4, w6
      54000081    b.ne  2f
      39401067    ldrb  w7, [x3, #4]
      7100f4ff    cmp   w7, #0x3d                  =
      54fffee0    b.eq  1b
      12001c84 2: and   w4, w4, #0xff
      51010487    sub   w7, w4, #0x41              A
      710078ff    cmp   w7, #0x1e                  _
      54fffe68    b.hi  1b
      51010084    sub   w4, w4, #0x40
      39000064    strb  w4, [x3]
      17fffff0    b     1b
      10000010 3: adr   x16, 3b
      58000071    ldr   x17, DISTANCE
      8b110210    add   x16, x16, x17
      d61f0200    br    x16
      00000000    DISTANCE                         from 3, 64 bits
      00000000
    `);
    code.writeBigInt64LE(BigInt(distance - (code.length - 24)), code.length - 8);
    return code;
  },
};

/** Bytes in hexadecimal at the beginning of each line. */
function bytes(text: string): Buffer {
  return Buffer.from(
    [...text.matchAll(/^ +((?:[\da-f]{2} )+)/gm)]
      .map(([, hex]) => hex)
      .join("")
      .replaceAll(" ", ""),
    "hex",
  );
}

/** Words of 32 bits, little-endian. */
function words(text: string): Buffer {
  const found = [...text.matchAll(/^ +([\da-f]{8})\b/gm)].map(([, hex]) => Number.parseInt(hex as string, 16));
  return Buffer.from(Uint32Array.from(found).buffer);
}
