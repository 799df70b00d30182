import { defineFunction, option } from 'kapacitor-edge-detect/udf';

/** The mean of the last points of a group, with the very numbers of Kapacitor's own example in Go. */
export const movingAverage = defineFunction({
  name: 'movingAverage',
  wants: 'STREAM',
  provides: 'STREAM',
  options: {
    field: option.string({ summary: 'the field to average' }),
    size: option.int({ default: 10, min: 1, summary: 'points in the window' }),
    as: option.string({ default: 'avg', summary: 'the field that the average goes to' }),
  },
  begin: () => ({ window: [] as number[], average: 0 }),
  point(point, group, { options, emit }) {
    const value = point.field(options.field);
    if (typeof value !== 'number') return;
    const { window } = group;
    const { length } = window;
    if (length === options.size) group.average += value / length - (window.shift() ?? 0) / length;
    else group.average = (value + length * group.average) / (length + 1);
    window.push(value);
    emit.forward(point, { [options.as]: group.average });
  },
});
