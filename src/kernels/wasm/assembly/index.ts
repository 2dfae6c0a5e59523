// The one door of the module: runs the task that lies at an address of the shared memory.
import { dequantizeRows } from './dequantize';
import { compare, convert, digits, histogram } from './pointwise';
import { pruneBelow, pruneNM } from './prune';
import { quantizeRows } from './quantize';
import { absMaxRows, minMaxRows } from './ranges';
import { searchRows } from './search';
import { word } from './task';
import { transposeBand } from './transpose';

/** `scratch`: 512 KiB that belong to the calling thread. The numbers are those of `OPERATIONS` in `tasks.ts`. */
export function run(task: usize, scratch: usize): void {
  switch (word(task, 0)) {
    case 0:
      absMaxRows(task);
      break;
    case 1:
      minMaxRows(task);
      break;
    case 2:
      quantizeRows(task);
      break;
    case 3:
      dequantizeRows(task);
      break;
    case 4:
      searchRows(task, scratch);
      break;
    case 5:
      histogram(task);
      break;
    case 6:
      digits(task);
      break;
    case 7:
      pruneBelow(task);
      break;
    case 8:
      pruneNM(task);
      break;
    case 9:
      convert(task);
      break;
    case 10:
      compare(task);
      break;
    case 11:
      transposeBand(task);
      break;
    default:
      unreachable();
  }
}
