/** What the page knows: the open models, what is being done to each, and how it is looked at. */
import { create } from 'zustand';
import type {
  Comparison,
  DroppedFile,
  EngineInfo,
  Evaluation,
  LatencyPair,
  LayerErrors,
  Lint,
  ModelEvaluation,
  ModelSummary,
  OptimizeResult,
  Preview,
  Progress,
  Recipe,
  Saved,
} from '#studio/jobs.ts';
import type { OpenData } from './data/settings.ts';
import type { History } from './recipe/history.ts';
import type { Measure, Variant } from './session/variants.ts';
import { GRAPH_ORDER, type RowFilter, type Sort } from './table/rows.ts';

export type CentreView = 'data' | 'layers' | 'ledger' | 'result' | 'compare';
export type PhoneTab = 'models' | 'data' | 'recipe' | 'layers' | 'charts' | 'result';
export type LayerChart = 'error' | 'size' | 'activations' | 'ranges';
export type SideChart = 'histogram' | 'activation' | 'variants';
export type ResultPart = 'overview' | 'classes' | 'runtime';

/** A result made by the engine, with the recipe it was made from. */
export interface MadeResult extends OptimizeResult {
  readonly recipe: Recipe;
  readonly comparison: Comparison | null;
  readonly saved: Saved | null;
  readonly evaluation: Measured<Evaluation> | null;
  readonly layerErrors: Measured<LayerErrors> | null;
  /** Measured by itself, newer than what the evaluation measured. */
  readonly latency: LatencyPair | null;
  readonly lint: Lint | null;
}

/** What was measured on data, with the key of that data: other data or settings make it old. */
export interface Measured<T> {
  readonly value: T;
  readonly dataKey: string;
}

/** Everything that is being done to one model. */
export interface Work {
  readonly history: History<Recipe>;
  readonly preview: Preview | null;
  /** Why the current recipe has no preview. */
  readonly previewProblem: string | null;
  readonly previewing: boolean;
  readonly variants: readonly Variant[];
  readonly result: MadeResult | null;
  readonly data: OpenData | null;
  /** The original model on the data, once it was evaluated. */
  readonly baseline: Measured<ModelEvaluation> | null;
  /** Key of the data whose calibration the engine keeps: ranges under another method then take no second run. */
  readonly calibratedFor: string | null;
  /** Variants that are compared side by side, by key; `original` for the model as it was opened. */
  readonly pair: readonly [string | null, string | null];
  /** Layer that the histogram shows and the table and charts mark. */
  readonly selected: string | null;
}

/** A job that the person waits for. */
export interface Task {
  readonly id: number;
  readonly label: string;
  readonly progress: Progress | null;
  cancel(): void;
}

export interface Message {
  readonly id: number;
  readonly level: 'error' | 'warning' | 'info';
  readonly text: string;
}

/** Something dropped that could be more than one thing: the person says which. */
export interface Question {
  readonly text: string;
  readonly files: readonly DroppedFile[];
  readonly choices: readonly { readonly label: string; readonly act: () => void }[];
}

export interface Looks {
  readonly view: CentreView;
  readonly phoneTab: PhoneTab;
  readonly layerChart: LayerChart;
  readonly sideChart: SideChart;
  readonly sort: Sort;
  readonly filter: RowFilter;
  readonly chartSorted: boolean;
  readonly resultPart: ResultPart;
  /** What the chart of variants shows; null: accuracy where there is one. */
  readonly measure: Measure | null;
  /** Whether the chart of activation errors shows each layer alone, or in the finished model. */
  readonly noise: 'cumulative' | 'alone';
  /** A result is evaluated as soon as it is made, where data is open. */
  readonly autoEvaluate: boolean;
  /** Whether the pane with one layer's settings is open. */
  readonly inspecting: boolean;
}

export interface Sample {
  readonly file: string;
  readonly title: string;
  readonly summary: string;
  readonly bytes: number;
}

export interface Studio {
  readonly info: EngineInfo | null;
  /** False while models of an earlier visit may still come back. */
  readonly ready: boolean;
  readonly models: readonly ModelSummary[];
  readonly works: Readonly<Record<string, Work>>;
  readonly activeId: string | null;
  readonly task: Task | null;
  readonly question: Question | null;
  readonly messages: readonly Message[];
  readonly samples: readonly Sample[];
  readonly search: string;
  readonly looks: Looks;
  readonly offlineReady: boolean;
}

export const FIRST_LOOKS: Looks = {
  view: 'layers',
  phoneTab: 'models',
  layerChart: 'error',
  sideChart: 'histogram',
  sort: GRAPH_ORDER,
  filter: 'weights',
  chartSorted: false,
  resultPart: 'overview',
  measure: null,
  noise: 'cumulative',
  autoEvaluate: true,
  inspecting: false,
};

export const useStudio = create<Studio>()(() => ({
  info: null,
  ready: false,
  models: [],
  works: {},
  activeId: null,
  task: null,
  question: null,
  messages: [],
  samples: [],
  search: '',
  looks: FIRST_LOOKS,
  offlineReady: false,
}));

export function activeModel(studio: Studio): ModelSummary | null {
  return studio.models.find((model) => model.id === studio.activeId) ?? null;
}

export function activeWork(studio: Studio): Work | null {
  return studio.activeId === null ? null : (studio.works[studio.activeId] ?? null);
}

/** Changes one model's work, if it is still open. */
export function changeWork(modelId: string, change: (work: Work) => Partial<Work>): void {
  useStudio.setState((studio) => {
    const work = studio.works[modelId];
    return work === undefined ? studio : { works: { ...studio.works, [modelId]: { ...work, ...change(work) } } };
  });
}

export function changeLooks(change: Partial<Looks>): void {
  useStudio.setState((studio) => ({ looks: { ...studio.looks, ...change } }));
}

let messageCount = 0;

export function tell(level: Message['level'], text: string): void {
  messageCount += 1;
  const message = { id: messageCount, level, text };
  useStudio.setState(({ messages }) => ({
    messages: [...messages.filter((one) => one.text !== text), message].slice(-4),
  }));
}

export function dismiss(id: number): void {
  useStudio.setState(({ messages }) => ({ messages: messages.filter((message) => message.id !== id) }));
}
