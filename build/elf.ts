// Just as much of ELF (elf(5), 64 bits, little-endian) as it takes to give a segment its contents.

const PT_LOAD = 1;
const EM_X86_64 = 62;

/**
 * Puts `contents` at the end of an executable's file as the contents of the segment at `address`, which has had none.
 * @throws Error where there is no such segment, or it is smaller
 */
export function fillSegment(executable: Buffer, address: number, contents: Buffer): Buffer {
  // An arm64 kernel may have pages of 64 KiB.
  const page = executable.readUInt16LE(18) === EM_X86_64 ? 4096 : 65536;
  const headersAt = Number(executable.readBigUInt64LE(32));
  const size = executable.readUInt16LE(54);
  const count = executable.readUInt16LE(56);
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
