/** Cells of recurrent layers: their settings and weights in the form and order of ONNX. */
import { PareError } from '#base/failure.ts';
import type { Json } from '#formats/keras/archive.ts';
import { classOf, isList, isObject } from '#formats/keras/config/json.ts';
import { Settings } from '#formats/keras/config/settings.ts';
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { LayerWeights } from '#formats/keras/lower/weights.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { nameOf } from '#formats/keras/layers/activations.ts';

export type CellKind = 'LSTM' | 'GRU' | 'RNN';

export interface Cell {
  readonly kind: CellKind;
  readonly settings: Settings;
  readonly weights: LayerWeights;
  readonly units: number;
  /** Tells cells of one layer apart. */
  readonly key: string;
}

/** Keras' order of gates in ONNX' order: i, f, c, o to i, o, f, c; the others agree. */
const GATES: Readonly<Record<CellKind, readonly number[]>> = { LSTM: [0, 3, 1, 2], GRU: [0, 1, 2], RNN: [0] };

export const STATES: Readonly<Record<CellKind, number>> = { LSTM: 2, GRU: 1, RNN: 1 };

const KINDS: Readonly<Record<string, CellKind>> = {
  LSTM: 'LSTM',
  LSTMCell: 'LSTM',
  CuDNNLSTM: 'LSTM',
  GRU: 'GRU',
  GRUCell: 'GRU',
  CuDNNGRU: 'GRU',
  SimpleRNN: 'RNN',
  SimpleRNNCell: 'RNN',
};

/** The cell or cells of a recurrent layer, first one first. */
export function cellsOf(className: string, settings: Settings, weights: LayerWeights): readonly Cell[] {
  if (className !== 'RNN') return [cellOf(className, settings, weights, '0')];
  const made = classOf(settings.raw('cell')) ?? bareCells(settings.raw('cell'));
  if (made === undefined) throw new Unsupported('its cell is a class that is not known here.');
  if (made.name !== 'StackedRNNCells') {
    return [cellOf(made.name, new Settings(settings.place, objectOf(made.config)), weights, '0')];
  }
  const inner = objectOf(made.config)['cells'];
  const list = isList(inner) ? inner : [];
  const groups = weights.groups();
  const counted = new Map<string, number>();
  return list.map((entry, at) => {
    const one = classOf(entry);
    if (one === undefined) throw new Unsupported('one of its cells is a class that is not known here.');
    const config = objectOf(one.config);
    const snake = snakeCase(one.name);
    const number = counted.get(snake) ?? 0;
    counted.set(snake, number + 1);
    const names = [config['name'], number === 0 ? snake : `${snake}_${number}`];
    const named = names.map((name) => (typeof name === 'string' ? groups.get(name) : undefined));
    const own = named.find((group) => group !== undefined) ?? [...groups.values()][at] ?? weights;
    return cellOf(one.name, new Settings(settings.place, config), own, String(at));
  });
}

function bareCells(cell: Json | undefined): { readonly name: string; readonly config: Json } | undefined {
  return isList(cell) ? { name: 'StackedRNNCells', config: { cells: cell } } : undefined;
}

function objectOf(value: Json): { readonly [key: string]: Json } {
  return isObject(value) ? value : {};
}

function snakeCase(name: string): string {
  return name
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function cellOf(className: string, settings: Settings, weights: LayerWeights, key: string): Cell {
  const kind = Object.hasOwn(KINDS, className) ? KINDS[className] : undefined;
  if (kind === undefined) throw new Unsupported(`its cell is of class ${className}, which is not known here.`);
  if (className.startsWith('CuDNN')) throw new Unsupported('its weights are laid out for cuDNN of Keras before 2.0.');
  return { kind, settings, weights, units: settings.size('units'), key };
}

/** Functions that ONNX has inside recurrent operators, with the parameters that they have there. */
const INSIDE: Readonly<Record<string, string>> = {
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  relu: 'Relu',
  softsign: 'Softsign',
  softplus: 'Softplus',
  elu: 'Elu',
  linear: 'Affine',
};

/** ONNX' names for the functions of a cell; undefined where ONNX has no operator with them. */
export function functionsOf(cell: Cell, version: number): readonly string[] | undefined {
  const { settings, kind } = cell;
  const main = insideOf(settings.raw('activation'), 'tanh', version);
  if (kind === 'RNN') return main === undefined ? undefined : [main];
  // Keras before 2.3 wrote its default hard_sigmoid out, as all versions do.
  const gate = insideOf(settings.raw('recurrent_activation'), 'sigmoid', version);
  if (main === undefined || gate === undefined) return undefined;
  return kind === 'LSTM' ? [gate, main, main] : [gate, main];
}

function insideOf(setting: Json | undefined, otherwise: string, version: number): string | undefined {
  const name = setting === undefined ? otherwise : setting === null ? 'linear' : nameOf(setting);
  if (name === undefined) return undefined;
  // ONNX' own parameters are those of Keras 2; Keras 3 has another slope.
  if (name === 'hard_sigmoid') return version < 3 ? 'HardSigmoid' : undefined;
  return Object.hasOwn(INSIDE, name) ? INSIDE[name] : undefined;
}

export function resetsAfter(cell: Cell, version: number): boolean {
  if (cell.kind !== 'GRU') return false;
  return cell.settings.flag('reset_after', version >= 3);
}

export interface CellWeights {
  readonly W: Operand;
  readonly R: Operand;
  readonly B: Operand | null;
}

/** Kernel, recurrent kernel and bias as Keras has them. */
export function keptWeights(cell: Cell): readonly [Operand, Operand, Operand | undefined] {
  const hasBias = cell.settings.flag('use_bias', true);
  const [kernel, recurrent, bias] = cell.weights.take('kernel', 'recurrent_kernel', ...(hasBias ? ['bias'] : []));
  return [kernel!, recurrent!, bias];
}

/** [in, gates * units] to [1, gates * units, in], gates in ONNX' order; both biases in one list. */
export function onnxWeights(call: LayerCall, cell: Cell, path: string): CellWeights {
  const { lowering } = call;
  const [kernel, recurrent, bias] = keptWeights(cell);
  const { units, kind, key } = cell;
  const gates = GATES[kind];
  const width = gates.length * units;
  const laid = (operand: Operand, name: string): Operand => {
    const [inside = 0, across = 0, ...more] = call.sizes(operand).map((size) => size ?? 0);
    if (across !== width || more.length > 0) throw misshapen(call, name, `[inputs, ${width}]`);
    const moved = lowering.transpose(operand, [1, 0]);
    return call.once(`${key} ${name}`, () =>
      lowering.derived(`${path}/${name}`, 'f32', [1, width, inside], [moved], ([bytes = new Uint8Array(0)]) =>
        blocks(bytes, gates, units * inside * 4),
      ),
    );
  };
  const W = laid(kernel, 'W');
  const R = laid(recurrent, 'R');
  if (bias === undefined) return { W, R, B: null };
  const count = call.sizes(bias).reduce<number>((product, size) => product * (size ?? 0), 1);
  if (count !== width && count !== 2 * width) throw misshapen(call, 'bias', `[${width}]`);
  const B = call.once(`${key} B`, () =>
    lowering.derived(`${path}/B`, 'f32', [1, 2 * width], [bias], ([bytes = new Uint8Array(0)]) => {
      const joined = new Uint8Array(2 * width * 4);
      joined.set(blocks(bytes.subarray(0, width * 4), gates, units * 4));
      if (count === 2 * width) joined.set(blocks(bytes.subarray(width * 4), gates, units * 4), width * 4);
      return joined;
    }),
  );
  return { W, R, B };
}

function misshapen(call: LayerCall, name: string, shape: string): PareError {
  return new PareError({
    code: 'keras/weight-shape',
    place: call.name,
    problem: `Its weight ${name} should have the shape ${shape}.`,
    hint: 'Weights and configuration of the file are of different models: save the model again.',
  });
}

/** Blocks of a row of bytes in another order. */
function blocks(bytes: Uint8Array, order: readonly number[], size: number): Uint8Array {
  const out = new Uint8Array(order.length * size);
  for (const [to, from] of order.entries()) out.set(bytes.subarray(from * size, (from + 1) * size), to * size);
  return out;
}
