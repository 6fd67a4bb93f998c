import { type BellowsError, CancelledError } from '@bellows/sdk';
import type { FastifyReply } from 'fastify';

/** The requests whose work must end when their client goes away, or when the host cannot wait any longer. */
export class RunningRequests {
  readonly #controllers = new Set<AbortController>();

  /** Runs `work` with a signal that aborts when the connection of `reply` closes before the answer was sent. */
  async run<T>(reply: FastifyReply, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const onClose = () => {
      if (!reply.raw.writableFinished)
        controller.abort(new CancelledError('CANCELLED', 'The client closed the connection.', { phase: 'receive' }));
    };
    reply.raw.once('close', onClose);
    this.#controllers.add(controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#controllers.delete(controller);
      reply.raw.off('close', onClose);
    }
  }

  abortAll(reason: BellowsError): void {
    for (const controller of this.#controllers) controller.abort(reason);
  }
}
