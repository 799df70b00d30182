import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { WebApp } from './context.ts';

const BUCKETS_S = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What this process has done, for Prometheus. */
export class WebMetrics {
  readonly registry = new Registry();
  readonly #requests = new Counter({
    name: 'edge_detect_web_requests_total',
    help: 'Requests answered, by route, method and status',
    labelNames: ['route', 'method', 'status'],
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: 'edge_detect_web_request_seconds',
    help: 'Time from a request to the end of its answer, by route',
    labelNames: ['route'],
    buckets: BUCKETS_S,
    registers: [this.registry],
  });
  readonly #clients = new Gauge({
    name: 'edge_detect_web_event_clients',
    help: 'Clients that listen to live edges',
    registers: [this.registry],
  });

  /** Counts what a server answers. Routes are those that there are, so that their number is bounded. */
  watch(app: WebApp): void {
    app.addHook('onResponse', async (request, reply) => {
      const route = request.routeOptions.url ?? 'none';
      this.#requests.inc({ route, method: request.method, status: reply.statusCode });
      this.#seconds.observe({ route }, reply.elapsedTime / 1000);
    });
  }

  /** @returns to be called when the client is gone */
  eventClient(): () => void {
    this.#clients.inc();
    return () => this.#clients.dec();
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}
