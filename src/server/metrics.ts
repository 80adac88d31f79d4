/** Prometheus metrics. Never a device id as label. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { FleetEvent } from '../fleet/events.ts';
import type { BadBlob } from '../fleet/scrub.ts';

export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Histogram<'listener' | 'route' | 'status'>;
  readonly #updates: Counter<'protocol' | 'state'>;
  readonly #unknown: Counter<'protocol'>;
  readonly #expiry: Gauge<'repo' | 'role'>;
  readonly #badBlobs: Counter<'reason'>;

  constructor(version: string) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    new Gauge({ name: 'sealift_build_info', help: 'Version of this server', labelNames: ['version'], registers }).set(
      { version },
      1,
    );
    this.#requests = new Histogram({
      name: 'sealift_request_duration_seconds',
      help: 'Time until the answer was handed over, uploads and downloads included',
      labelNames: ['listener', 'route', 'status'],
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
      registers,
    });
    this.#updates = new Counter({
      name: 'sealift_updates_total',
      help: 'Attempts that reached a state',
      labelNames: ['protocol', 'state'],
      registers,
    });
    this.#expiry = new Gauge({
      name: 'sealift_metadata_expiry_seconds',
      help: 'Seconds until what was signed expires, below zero when it has',
      labelNames: ['repo', 'role'],
      registers,
    });
    this.#badBlobs = new Counter({
      name: 'sealift_bad_blobs_total',
      help: 'Artifacts that the scrub found to be bad: other bytes than were stored, or none',
      labelNames: ['reason'],
      registers,
    });
    this.#unknown = new Counter({
      name: 'sealift_unknown_devices_total',
      help: 'Contacts of devices that are not registered',
      labelNames: ['protocol'],
      registers,
    });
  }

  requestDone(listener: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ listener, route, status: String(status) }, seconds);
  }

  expiresIn(role: string, seconds: number): void {
    this.#expiry.set({ repo: 'image', role }, seconds);
  }

  badBlob({ reason }: BadBlob): void {
    this.#badBlobs.inc({ reason });
  }

  onFleetEvent(event: FleetEvent): void {
    if (event.type === 'attemptMoved') this.#updates.inc({ protocol: event.protocol, state: event.attempt.state });
    if (event.type === 'unknownDevice') this.#unknown.inc({ protocol: event.protocol });
  }
}
