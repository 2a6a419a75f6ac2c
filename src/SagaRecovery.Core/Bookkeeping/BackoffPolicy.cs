using System.Buffers.Binary;

namespace SagaRecovery.Bookkeeping;

/// <summary>The exponential backoff of a saga that failed to resume. Immutable.</summary>
/// <remarks>
/// The delay doubles from <paramref name="First"/> to <paramref name="Longest"/>. Jitter shortens it by up to half. The jitter depends
/// only on the saga and the number of failures: sagas that fail together are retried at different times, and the same input always
/// leads to the same decision.
/// </remarks>
/// <param name="First">The delay after the first failure. Must be positive. Default 1 s.</param>
/// <param name="Longest">The upper limit of the delay. Default 10 min.</param>
public sealed record BackoffPolicy(TimeSpan First, TimeSpan Longest)
{
    /// <summary>The default policy: 1 s, doubling up to 10 min.</summary>
    public static BackoffPolicy Default { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10));

    /// <summary>Returns the time of the next attempt.</summary>
    /// <param name="sagaId">The saga that failed.</param>
    /// <param name="failures">The number of consecutive failures, including the one that just happened. At least 1.</param>
    /// <param name="now">The current time.</param>
    public DateTimeOffset NextTry(SagaId sagaId, int failures, DateTimeOffset now) => now + Delay(sagaId, failures);

    internal TimeSpan Delay(SagaId sagaId, int failures)
    {
        TimeSpan delay = WithoutJitter(failures);
        return delay - (delay * 0.5 * Fraction(sagaId, failures));
    }

    private TimeSpan WithoutJitter(int failures) =>
        TimeSpan.FromTicks((long)Math.Min(First.Ticks * Math.Pow(2, failures - 1), Longest.Ticks));

    /// <summary>Returns an evenly distributed number in [0, 1) by Fibonacci hashing of the id's random half and the number of failures.</summary>
    private static double Fraction(SagaId sagaId, int failures)
    {
        Span<byte> bytes = stackalloc byte[16];
        sagaId.Value.TryWriteBytes(bytes);
        ulong mixed = (BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) + (ulong)failures) * 0x9E3779B97F4A7C15;
        return (mixed >> 11) * (1.0 / (1UL << 53));
    }
}
