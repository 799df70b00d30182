import { Random } from './random.ts';

/** What a modem says its line is doing. */
export type AdslState = 'SHOWTIME' | 'TRAINING' | 'IDLE';

/** The margin that a modem trains to, in dB; it chooses its rate by it. */
const TARGET_MARGIN_DB = 6;
/** At a margin below this the line is lost. */
const LOST_MARGIN_DB = 0.5;
/** How long the noise on a line remembers itself. */
const NOISE_MEMORY_S = 1_200;
/** How much noisier it is at nine in the evening than at nine in the morning. */
const EVENING_DB = 1.2;
/** A line with a bad contact drops more often while it has been up for less than this. */
const SETTLED_S = 900;
const UNSETTLED_FACTOR = 12;
const DAY_S = 86_400;
const EVENING_S = 21 * 3_600;
/** Rates come in steps of this many kbit/s. */
const RATE_STEP = 32;

/** One ADSL line with the noise that it lives in, as the modem at its end sees it. */
export class AdslLine {
  readonly #random: Random;
  readonly #attenuationDb: number;
  /** How far the noise wanders, its standard deviation. */
  readonly #unrestDb: number;
  /** How often it drops for no reason that the margin shows. */
  readonly #dropsPerS: number;
  #state: AdslState = 'SHOWTIME';
  /** How long the present state goes on, if it is not SHOWTIME. */
  #leftS = 0;
  #noiseDb: number;
  /** The noise at the last training, for which the rate was chosen. */
  #trainedDb = 0;
  #uptimeS: number;
  #crcErrors = 0;
  #fecErrors = 0;
  #erroredS = 0;

  /**
   * @param seed any text; the same seed gives the same line with the same fate
   * @param isBad whether it has a bad contact: it drops several times a day, often again soon after; a good one
   *   less than once a week
   */
  constructor(seed: string, isBad: boolean) {
    const random = new Random(seed);
    this.#random = random;
    this.#attenuationDb = random.between(12, 52);
    this.#unrestDb = isBad ? random.between(1, 2) : random.between(0.3, 0.9);
    this.#dropsPerS = isBad ? 1 / random.between(2 * 3_600, 6 * 3_600) : 1 / (14 * DAY_S);
    this.#noiseDb = random.normal() * this.#unrestDb * 0.5;
    this.#uptimeS = random.between(0, 5 * DAY_S);
  }

  get state(): AdslState {
    return this.#state;
  }

  /**
   * Lets time pass.
   * @param elapsedS seconds since the last call
   * @param dayS the second of the day
   */
  advance(elapsedS: number, dayS: number): void {
    const random = this.#random;
    const kept = Math.exp(-elapsedS / NOISE_MEMORY_S);
    this.#noiseDb = this.#noiseDb * kept + random.normal() * this.#unrestDb * Math.sqrt(1 - kept * kept);
    if (this.#state === 'SHOWTIME') {
      this.#uptimeS += elapsedS;
      this.#countErrors(elapsedS, dayS);
      if (this.#marginDb(dayS) < LOST_MARGIN_DB || this.#drops(elapsedS)) this.#lose();
      return;
    }
    this.#leftS -= elapsedS;
    if (this.#leftS > 0) return;
    if (this.#state === 'IDLE') this.#enter('TRAINING', random.between(30, 120));
    else this.#train(dayS);
  }

  /** The line's fields in line protocol: always its state and counters, and while it is up its quality. */
  fields(dayS: number): string {
    const counters = `crc_errors=${this.#crcErrors}i,fec_errors=${this.#fecErrors}i,errored_seconds=${this.#erroredS}i`;
    if (this.#state !== 'SHOWTIME') return `value="${this.#state}",${counters}`;
    const marginDb = this.#marginDb(dayS);
    const rateDown = this.#rate(this.#trainedDb);
    const attainable = this.#rate(this.#noiseDb + eveningDb(dayS));
    return (
      `value="SHOWTIME",snr_margin_down=${marginDb.toFixed(1)},snr_margin_up=${(8 + marginDb * 0.3).toFixed(1)},` +
      `attenuation_down=${this.#attenuationDb.toFixed(1)},attenuation_up=${(this.#attenuationDb * 0.55).toFixed(1)},` +
      `rate_down=${rateDown}i,rate_up=${Math.round(rateDown / 14)}i,attainable_down=${attainable}i,` +
      `${counters},uptime=${Math.floor(this.#uptimeS)}i`
    );
  }

  #marginDb(dayS: number): number {
    return TARGET_MARGIN_DB + this.#trainedDb - this.#noiseDb - eveningDb(dayS);
  }

  /** In kbit/s: the less, the longer the wire and the more noise. */
  #rate(noiseDb: number): number {
    const rate = 30_000 * Math.exp(-this.#attenuationDb / 24) * (1 - noiseDb * 0.04);
    return Math.max(RATE_STEP, Math.round(rate / RATE_STEP) * RATE_STEP);
  }

  #countErrors(elapsedS: number, dayS: number): void {
    const perSecond = 0.002 * Math.exp(TARGET_MARGIN_DB - this.#marginDb(dayS));
    const errors = Math.floor(perSecond * elapsedS + this.#random.next());
    this.#crcErrors += errors;
    this.#fecErrors += errors * 40 + Math.floor(this.#random.next() * 3);
    this.#erroredS += Math.min(errors, Math.ceil(elapsedS));
  }

  #drops(elapsedS: number): boolean {
    const perS = this.#dropsPerS * (this.#uptimeS < SETTLED_S ? UNSETTLED_FACTOR : 1);
    return this.#random.next() < perS * elapsedS;
  }

  #lose(): void {
    const random = this.#random;
    if (random.next() < 0.06) this.#enter('IDLE', random.between(300, 1_800));
    else this.#enter('TRAINING', random.between(40, 400));
  }

  #enter(state: AdslState, forS: number): void {
    this.#state = state;
    this.#leftS = forS;
  }

  #train(dayS: number): void {
    this.#state = 'SHOWTIME';
    this.#trainedDb = this.#noiseDb + eveningDb(dayS);
    this.#uptimeS = 0;
    this.#crcErrors = 0;
    this.#fecErrors = 0;
    this.#erroredS = 0;
  }
}

function eveningDb(dayS: number): number {
  return EVENING_DB * Math.cos(((dayS - EVENING_S) / DAY_S) * 2 * Math.PI);
}
