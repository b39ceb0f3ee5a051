// Just as much of ELF (elf(5), 64 bits, little-endian) as it takes to give a segment its contents, and to begin with code of our own.

const PT_LOAD = 1;
const PT_PHDR = 6;
const PF_X = 1;
const PF_R = 4;
const EM_X86_64 = 62;

/**
 * Puts `contents` at the end of an executable's file as the contents of the segment at `address`, which has had none.
 * @throws Error where there is no such segment, or it is smaller
 */
export function fillSegment(executable: Buffer, address: number, contents: Buffer): Buffer {
  const page = pageOf(executable);
  const { at: headersAt, size, count } = programHeaders(executable);
  for (let i = 0; i < count; i++) {
    const at = headersAt + i * size;
    // Elf64_Phdr: type, flags, offset, vaddr, paddr, filesz, memsz, align
    if (executable.readUInt32LE(at) !== PT_LOAD || Number(executable.readBigUInt64LE(at + 16)) !== address) continue;
    const [fileSize, memorySize] = [32, 40].map((field) => Number(executable.readBigUInt64LE(at + field)));
    if (fileSize !== 0 || contents.length > (memorySize as number)) break;
    // The kernel maps whole pages: an address and its place in the file agree in what is left of a page.
    const offset = Math.ceil(executable.length / page) * page + (address % page);
    const filled = Buffer.concat([executable, Buffer.alloc(offset - executable.length), contents]);
    filled.writeBigUInt64LE(BigInt(offset), at + 8);
    filled.writeBigUInt64LE(BigInt(contents.length), at + 32);
    return filled;
  }
  throw new Error(`the executable has no empty segment of ${contents.length} bytes at 0x${address.toString(16)}`);
}

/** The page size that the kernel may have: an arm64 kernel, 64 KiB. */
const pageOf = (executable: Buffer): number => (executable.readUInt16LE(18) === EM_X86_64 ? 4096 : 65536);

/** The program headers (Elf64_Phdr), of which the first is at `at`. */
function programHeaders(executable: Buffer): { at: number; size: number; count: number } {
  return {
    at: Number(executable.readBigUInt64LE(32)),
    size: executable.readUInt16LE(54),
    count: executable.readUInt16LE(56),
  };
}

/**
 * Lets an executable begin with other code, in a segment of its own behind all others.
 * @param code makes it from the distance, in bytes, from its first byte to where the executable began before
 * @throws Error where the table of segments has no room for one more
 */
export function beginWith(executable: Buffer, code: (distance: number) => Buffer): Buffer {
  const page = pageOf(executable);
  const { at, size, count } = programHeaders(executable);
  let end = 0;
  let room = 0;
  for (let i = 0; i < count; i++) {
    const header = at + i * size;
    const type = executable.readUInt32LE(header);
    const [address, fileSize, memorySize] = [16, 32, 40].map((field) =>
      Number(executable.readBigUInt64LE(header + field)),
    ) as [number, number, number];
    if (type === PT_LOAD) end = Math.max(end, address + memorySize);
    if (type === PT_PHDR) room = fileSize;
  }
  const added = at + count * size;
  if (room < (count + 1) * size || executable.subarray(added, added + size).some((byte) => byte !== 0)) {
    throw new Error("the executable's table of segments has no room for one more");
  }
  const address = Math.ceil(end / page) * page;
  const contents = code(Number(executable.readBigUInt64LE(24)) - address);
  const offset = Math.ceil(executable.length / page) * page;
  const longer = Buffer.concat([executable, Buffer.alloc(offset - executable.length), contents]);
  longer.writeUInt32LE(PT_LOAD, added);
  longer.writeUInt32LE(PF_R | PF_X, added + 4);
  for (const [field, value] of [
    [8, offset],
    [16, address],
    [24, address],
    [32, contents.length],
    [40, contents.length],
    [48, page],
  ] as const) {
    longer.writeBigUInt64LE(BigInt(value), added + field);
  }
  longer.writeUInt16LE(count + 1, 56);
  longer.writeBigUInt64LE(BigInt(address), 24);
  return longer;
}
