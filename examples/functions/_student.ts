/** How exact the continued fraction is, and how far it goes for that. */
const EPSILON = 1e-15;
const MAX_TERMS = 500;
const TINY = 1e-300;

/**
 * The probability that Student's t with so many degrees of freedom lies as far from zero as this, on either side: the
 * incomplete beta function, by its continued fraction.
 */
export function twoSided(t: number, freedom: number): number {
  const x = freedom / (freedom + t * t);
  if (!(x > 0)) return 0;
  if (x >= 1) return 1;
  const [a, b] = [freedom / 2, 0.5];
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b));
  return x < (a + 1) / (a + b + 2)
    ? (front * continued(x, a, b)) / a
    : 1 - (front * continued(1 - x, b, a)) / b;
}

function continued(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / notZero(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < MAX_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / notZero(1 + even * d);
    c = notZero(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / notZero(1 + odd * d);
    c = notZero(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < EPSILON) break;
  }
  return value;
}

function notZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** Lanczos' approximation. */
function logGamma(z: number): number {
  const terms = [
    76.18009172947146, -86.50532032941678, 24.01409824083091, -1.231739572450155, 1.208650973866179e-3,
    -5.395239384953e-6,
  ];
  const base = z + 5.5 - (z + 0.5) * Math.log(z + 5.5);
  const series = terms.reduce((sum, term, index) => sum + term / (z + index + 1), 1.000000000190015);
  return -base + Math.log((2.5066282746310007 * series) / z);
}
