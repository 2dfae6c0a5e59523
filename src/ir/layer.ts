/**
 * A layer as people see it: a node of the graph with the weights it owns. Identified by node name in recipes, charts and
 * reports.
 */
import type { NodeId, Shape, ValueId } from './model.ts';

export interface Layer {
  readonly name: string;
  readonly node: NodeId;
  readonly op: string;
  readonly domain: string;
  /** Names of the subgraphs it lies in, outermost first; empty for the main graph. */
  readonly scope: readonly string[];
  readonly outputShapes: readonly (Shape | null)[];
  /** Constants this layer reads; one that several layers share is owned by the first. */
  readonly weights: readonly LayerWeight[];
  readonly parameters: number;
  /** Bytes that its own weights take in the file. */
  readonly weightBytes: number;
  /** Multiply-accumulates for one run; null when not known, with the reason. */
  readonly macs: number | null;
  readonly macsUnknown?: string;
}

export interface LayerWeight {
  readonly value: ValueId;
  readonly name: string;
  /** Input index of the node, e.g. 1 for a Conv's kernel, 2 for its bias. */
  readonly input: number;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** Stored bits per element: 32 for f32, 8 for int8. */
  readonly bits: number;
  readonly sharedWith: readonly string[];
}
