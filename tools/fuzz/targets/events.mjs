import { EventBus, isBellowsError, systemClock } from '@bellows/sdk';
import fc from 'fast-check';
import { hostileObject, hostileText, real } from '../hostile-values.mjs';
import { outcomeOf } from '../run-target.mjs';

const topic = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('metrics', 'status', 'reconfigure', 'control', 'sample') }, hostileText);

/** Payloads, topics and keys on the bus, with one subscriber that throws and one that must hear everything. */
export const events = {
  async open() {
    const bus = new EventBus({ clock: systemClock, source: 'fuzz', onHandlerError: () => {} });
    let heard = 0;
    bus.subscribe('*', { policy: 'drop-oldest' }, () => {
      throw new Error('as plugins may');
    });
    bus.subscribe('*', { policy: 'drop-oldest' }, () => {
      heard += 1;
    });
    const check = async ([name, payload, key]) => {
      const before = heard;
      try {
        bus.publish({ topic: name, payload: real(payload), ...(key === undefined ? {} : { key }) });
      } catch (error) {
        if (!isBellowsError(error)) throw error;
        return outcomeOf(error);
      }
      for (let turn = 0; turn < 100 && heard === before; turn += 1) await new Promise(setImmediate);
      if (heard === before) throw new Error('an event was not heard');
      return 'delivered';
    };
    return {
      arbitrary: fc.tuple(topic, hostileObject, fc.option(hostileText, { nil: undefined, freq: 3 })),
      check,
      close: () => bus.close(),
    };
  },
};
