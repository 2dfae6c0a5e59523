/** What an input means to its operator, so that passes know which constants are worth compressing and along which axis. */
import type { Node, Shape } from '#ir/model.ts';
import { Call } from './call.ts';
import type { WeightRole } from './operator.ts';
import { operatorOf } from './table.ts';

const DATA: WeightRole = { role: 'data', axis: null, sumAxis: null, groups: 1 };

/**
 * Role of an input; `data` for operators that are not known. Axes are counted from the front when `shape` is given, else
 * they may be negative. Operators whose early opsets differ (Reshape, Slice) differ only in settings, so the newest
 * meaning is used.
 */
export function weightRoleOf(node: Node, input: number, shape?: Shape): WeightRole {
  const row = operatorOf(node.domain, node.op);
  if (row?.roles === undefined) return DATA;
  const role = row.roles(new Call(node, 21, []))[input];
  if (role === undefined) return DATA;
  if (typeof role === 'string') return { ...DATA, role };
  if (shape === undefined) return role;
  return { ...role, axis: front(role.axis, shape.length), sumAxis: front(role.sumAxis, shape.length) };
}

/** A vector as MatMul's operand has only the axis that is summed over. */
function front(axis: number | null, rank: number): number | null {
  if (axis === null) return null;
  const counted = axis < 0 ? axis + rank : axis;
  return counted < 0 || counted >= rank ? null : counted;
}
