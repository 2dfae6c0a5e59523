/** What writing a model as ONNX would lose or could not be run afterwards, known before anything is written. */
import type { Notice } from '#base/notice.ts';
import type { Model } from '#ir/model.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { allValues } from '#ir/walk.ts';
import { NEWEST_IR, NEWEST_OPSET, OLDEST_OPSET, neededIrVersion } from './limits.ts';

/** Empty when nothing is lost. */
export function checkOnnx(model: Model): readonly Notice[] {
  const notices: Notice[] = [];
  for (const { operator, node, reason, hint } of refusalsOf(model)) {
    const text = `the ${operator} ${node} has no counterpart in ONNX: ${reason} ${hint}`;
    notices.push({ level: 'blocker', code: 'onnx/no-counterpart', text, at: node });
  }
  const opset = model.opsets.get('');
  if (opset !== undefined && (opset < OLDEST_OPSET || opset > NEWEST_OPSET)) {
    const text = `onnxruntime 1.30 runs operator sets ${OLDEST_OPSET} to ${NEWEST_OPSET}; this model uses ${opset}.`;
    notices.push({ level: 'blocker', code: 'onnx/opset', text });
  }
  if (neededIrVersion(model) > NEWEST_IR) {
    const text = `onnxruntime 1.30 reads IR versions up to ${NEWEST_IR}; this model needs ${neededIrVersion(model)}.`;
    notices.push({ level: 'blocker', code: 'onnx/ir-version', text });
  }
  const blocked = [...allValues(model.graph).values()].find((value) => value.quantization?.block !== undefined);
  if (blocked !== undefined && opset !== undefined && opset < 21 && blocked.quantization?.form !== 'nbits') {
    const text = 'Blocked quantization is written with operator set 21, to which the model is raised.';
    notices.push({ level: 'info', code: 'onnx/raised-opset', text, at: blocked.name });
  }
  return notices;
}
