/** The times that line protocol can hold, in nanoseconds: InfluxDB keeps the outermost of int64 for itself. */
export const MIN_TIME = -(2n ** 63n) + 2n;
export const MAX_TIME = 2n ** 63n - 2n;

/** The limits of int64. */
export const MIN_INT = -(2n ** 63n);
export const MAX_INT = 2n ** 63n - 1n;
/** The greatest unsigned integer, which some servers have. */
export const MAX_UNSIGNED = 2n ** 64n - 1n;
