/**
 * The shared memory that WASM kernels and every thread of the pool see, and the arena inside it: first-fit allocation in
 * 64-byte units, so that weights can live where kernels reach them without copying.
 */
import { PareError } from '#base/failure.ts';

const PAGE_BYTES = 65536;
const MAXIMUM_PAGES = 65536;
const ALIGNMENT = 64;
/** Grows in steps of 16 MiB, so that many small allocations do not grow page by page. */
const GROWTH_PAGES = 256;

interface Gap {
  start: number;
  end: number;
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  /** Every buffer the memory has had: growing shared memory makes a new, longer one and leaves old views valid. */
  private readonly buffers = new WeakSet<object>();
  /** Free ranges in address order, never touching each other. */
  private readonly gaps: Gap[] = [];
  private readonly sizes = new Map<number, number>();
  private views: Views;

  /** `reserved`: bytes from address 0 that the arena leaves alone. */
  constructor(reserved: number) {
    const initial = Math.max(16, Math.ceil(reserved / PAGE_BYTES));
    this.memory = new WebAssembly.Memory({ initial, maximum: MAXIMUM_PAGES, shared: true });
    this.views = viewsOf(this.memory.buffer);
    this.buffers.add(this.memory.buffer);
    const end = initial * PAGE_BYTES;
    if (end > reserved) this.gaps.push({ start: Math.ceil(reserved / ALIGNMENT) * ALIGNMENT, end });
  }

  /** Address of `bytes` bytes, aligned to 64; refuses with a `PareError` when 4 GiB are full. */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    let gap = this.gaps.find((candidate) => candidate.end - candidate.start >= size);
    if (gap === undefined) {
      this.grow(size);
      gap = this.gaps.find((candidate) => candidate.end - candidate.start >= size)!;
    }
    const address = gap.start;
    gap.start += size;
    if (gap.start === gap.end) this.gaps.splice(this.gaps.indexOf(gap), 1);
    this.sizes.set(address, size);
    return address;
  }

  /** Gives an allocation back; does nothing for an address that is not one. */
  release(address: number): void {
    const size = this.sizes.get(address);
    if (size === undefined) return;
    this.sizes.delete(address);
    this.addGap({ start: address, end: address + size });
  }

  /** Byte address of a view on this memory, `undefined` for one that lies elsewhere or is not aligned to 4 bytes. */
  addressOf(data: ArrayBufferView): number | undefined {
    return this.buffers.has(data.buffer) && data.byteOffset % 4 === 0 ? data.byteOffset : undefined;
  }

  get f32(): Float32Array {
    return this.current().f32;
  }
  get f64(): Float64Array {
    return this.current().f64;
  }
  get i32(): Int32Array {
    return this.current().i32;
  }
  get u32(): Uint32Array {
    return this.current().u32;
  }

  private current(): Views {
    if (this.views.buffer !== this.memory.buffer) this.views = viewsOf(this.memory.buffer);
    return this.views;
  }

  private grow(size: number): void {
    const end = this.memory.buffer.byteLength;
    const last = this.gaps.at(-1);
    const missing = last !== undefined && last.end === end ? size - (last.end - last.start) : size;
    const needed = Math.ceil(missing / PAGE_BYTES);
    const room = MAXIMUM_PAGES - end / PAGE_BYTES;
    try {
      this.memory.grow(Math.max(needed, Math.min(room, GROWTH_PAGES)));
    } catch (cause) {
      const problem = `the compute memory cannot grow by ${Math.ceil(size / 2 ** 20)} MiB beyond ${Math.round(end / 2 ** 20)} MiB.`;
      const hint = 'Close models that you no longer need, or other tabs, and try again.';
      throw new PareError({ code: 'kernels/memory', problem, hint }, { cause });
    }
    this.buffers.add(this.memory.buffer);
    this.addGap({ start: end, end: this.memory.buffer.byteLength });
  }

  private addGap(gap: Gap): void {
    let at = this.gaps.findIndex((other) => other.start > gap.start);
    if (at === -1) at = this.gaps.length;
    const before = this.gaps[at - 1];
    const after = this.gaps[at];
    if (before !== undefined && before.end === gap.start) {
      before.end = gap.end;
      if (after !== undefined && after.start === before.end) {
        before.end = after.end;
        this.gaps.splice(at, 1);
      }
    } else if (after !== undefined && gap.end === after.start) after.start = gap.start;
    else this.gaps.splice(at, 0, gap);
  }
}

interface Views {
  readonly buffer: ArrayBufferLike;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
}

function viewsOf(buffer: ArrayBufferLike): Views {
  return {
    buffer,
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
  };
}
